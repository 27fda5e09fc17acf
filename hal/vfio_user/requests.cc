// What a client may ask of a device, and what is checked before the device hears of it.
#include <bit>
#include <cstring>

#include "hal/vfio_user/connection.h"

namespace hal::vfio_user {
namespace {

base::Result<void> wrong(const char* what) { return base::fail(base::Errc::kInvalid, what); }

bool within(const Region& region, std::uint64_t offset, std::uint64_t count) {
  return offset <= region.size && count <= region.size - offset;
}

}  // namespace

const std::array<Connection::Handler, 17> Connection::kHandlers = {
    nullptr,
    &Connection::version,
    &Connection::dma_map,
    &Connection::dma_unmap,
    &Connection::device_info,
    &Connection::region_info,
    nullptr,
    &Connection::irq_info,
    &Connection::set_irqs,
    &Connection::region_read,
    &Connection::region_write,
    nullptr,
    nullptr,
    &Connection::reset,
    nullptr,
    &Connection::write_multi,
    nullptr,
};

base::Result<void> Connection::dma_map(Message& message) {
  DmaMapRequest request;
  if (!take(message.payload, request) || !message.payload.empty()) return wrong("the size of a DMA map request");
  if (message.fds.size() > 1) return wrong("more than one descriptor for one DMA range");
  const std::uint32_t access = request.flags;
  if ((access & ~(kDmaReadable | kDmaWritable)) != 0 || access == 0) return wrong("the flags of a DMA map request");
  if (request.size == 0 || request.address + (request.size - 1) < request.address) return wrong("an empty DMA range");
  base::Fd fd = message.fds.empty() ? base::Fd() : std::move(message.fds.front());
  return backend_.dma_map(request.address, request.size, access, std::move(fd), request.offset);
}

base::Result<void> Connection::dma_unmap(Message& message) {
  DmaUnmapRequest request;
  if (!take(message.payload, request)) return wrong("the size of a DMA unmap request");
  if ((request.flags & kUnmapDirtyBitmap) != 0) {
    return base::fail(base::Errc::kUnsupported, "dirty pages are not tracked");
  }
  const bool all = (request.flags & kUnmapAll) != 0;
  backend_.dma_unmap(all ? 0 : std::uint64_t{request.address}, all ? ~std::uint64_t{0} : std::uint64_t{request.size});
  put(request);
  return {};
}

base::Result<void> Connection::device_info(Message& message) {
  DeviceInfo request;
  if (!take(message.payload, request) || request.argsz < sizeof request) return wrong("the size of a device request");
  put(DeviceInfo{std::uint32_t{sizeof request}, kDeviceCanReset | kDeviceIsPci, kRegions, kIrqs});
  return {};
}

base::Result<void> Connection::region_info(Message& message) {
  RegionInfo request;
  if (!take(message.payload, request) || request.argsz < sizeof request) return wrong("the size of a region request");
  if (request.index >= kRegions) return wrong("a region that there is not");
  const Region& region = backend_.region(request.index);
  const bool mapped = region.fd >= 0 && !region.areas.empty();
  RegionInfo info{std::uint32_t{sizeof info}, 0, request.index, 0, region.size, region.offset};
  if (region.size > 0) info.flags = kRegionCanRead | (region.writable ? kRegionCanWrite : 0u);
  if (!mapped) {
    put(info);
    return {};
  }
  const std::size_t extra = sizeof(SparseMapCapability) + region.areas.size() * sizeof(SparseMapArea);
  info.argsz = static_cast<std::uint32_t>(sizeof info + extra);
  info.flags = info.flags | kRegionCanMap | kRegionHasCapabilities;
  reply_fd_ = region.fd;
  const bool fits = request.argsz >= info.argsz;
  if (fits) info.capabilities = std::uint32_t{sizeof info};
  put(info);
  if (!fits) return {};
  put(SparseMapCapability{kSparseMap, 1, 0, static_cast<std::uint32_t>(region.areas.size()), 0});
  for (const Region::Area& area : region.areas) put(SparseMapArea{area.offset, area.size});
  return {};
}

base::Result<void> Connection::irq_info(Message& message) {
  IrqInfo request;
  if (!take(message.payload, request) || request.argsz < sizeof request) return wrong("the size of an IRQ request");
  if (request.index >= kIrqs) return wrong("an IRQ index that there is not");
  const IrqKind kind = backend_.irq(request.index);
  put(IrqInfo{std::uint32_t{sizeof request}, kind.flags, request.index, kind.count});
  return {};
}

base::Result<void> Connection::set_irqs(Message& message) {
  SetIrqsRequest request;
  if (!take(message.payload, request)) return wrong("the size of a request to set IRQs");
  const std::uint32_t flags = request.flags, data = flags & 7, action = flags & 0x38;
  if (!std::has_single_bit(data) || !std::has_single_bit(action) || (flags & ~0x3fu) != 0) return wrong("IRQ flags");
  if (request.index >= kIrqs) return wrong("an IRQ index that there is not");
  const std::uint32_t start = request.start, count = request.count, most = backend_.irq(request.index).count;
  if (SetIrqsRequest::NoData::get(flags) && SetIrqsRequest::Trigger::get(flags) && count == 0) {
    return backend_.disable_irqs(request.index);
  }
  if (count == 0 || start >= most || count > most - start) return wrong("IRQ vectors that there are not");
  if (!SetIrqsRequest::Eventfds::get(flags)) return act_on_irqs(request, message.payload);
  if (!SetIrqsRequest::Trigger::get(flags)) {
    return base::fail(base::Errc::kUnsupported, "masks do not signal eventfds");
  }
  if (!message.fds.empty() && message.fds.size() != count) return wrong("the number of eventfds");
  message.fds.resize(count);
  return backend_.set_eventfds(request.index, start, std::move(message.fds));
}

base::Result<void> Connection::act_on_irqs(const SetIrqsRequest& request, std::span<const std::byte> booleans) {
  const std::uint32_t flags = request.flags;
  const bool chosen = SetIrqsRequest::Booleans::get(flags);
  if (chosen && booleans.size() < request.count) return wrong("the number of booleans");
  const IrqAction action = SetIrqsRequest::Mask::get(flags)     ? IrqAction::kMask
                           : SetIrqsRequest::Unmask::get(flags) ? IrqAction::kUnmask
                                                                : IrqAction::kTrigger;
  for (std::uint32_t i = 0; i < request.count; ++i) {
    if (chosen && booleans[i] == std::byte{0}) continue;
    TRY(backend_.act_on_irq(request.index, request.start + i, action));
  }
  return {};
}

base::Result<void> Connection::region_read(Message& message) {
  RegionAccess request;
  if (!take(message.payload, request)) return wrong("the size of a read");
  if (request.region >= kRegions || request.count > kMaxDataTransfer) return wrong("a read that is too long");
  if (!within(backend_.region(request.region), request.offset, request.count)) return wrong("a read beyond a region");
  put(request);
  reply_.resize(sizeof request + request.count);
  return backend_.region_read(request.region, request.offset, std::span(reply_).subspan(sizeof request));
}

base::Result<void> Connection::region_write(Message& message) {
  RegionAccess request;
  if (!take(message.payload, request) || message.payload.size() != request.count) return wrong("the size of a write");
  TRY(write_region(request.region, request.offset, message.payload));
  put(request);
  return {};
}

base::Result<void> Connection::write_region(std::uint32_t index, std::uint64_t offset,
                                            std::span<const std::byte> data) {
  if (index >= kRegions) return wrong("a region that there is not");
  const Region& region = backend_.region(index);
  if (!within(region, offset, data.size())) return wrong("a write beyond a region");
  if (!region.writable) return base::fail(base::Errc::kDenied, "a write to a region that can only be read");
  return backend_.region_write(index, offset, data);
}

base::Result<void> Connection::reset(Message& message) {
  if (!message.payload.empty()) return wrong("the size of a reset");
  backend_.reset();
  return {};
}

base::Result<void> Connection::write_multi(Message& message) {
  WriteMultiRequest request;
  if (!take(message.payload, request) || request.count > message.payload.size() / sizeof(OneWrite) ||
      message.payload.size() != request.count * sizeof(OneWrite)) {
    return wrong("the size of several writes");
  }
  for (std::uint64_t i = 0; i < request.count; ++i) {
    OneWrite one;
    if (!take(message.payload, one) || one.count > sizeof one.data) return wrong("one of several writes");
    TRY(write_region(one.region, one.offset, std::as_bytes(std::span(one.data).first(one.count))));
  }
  put(request);
  return {};
}

}  // namespace hal::vfio_user
