// A function that a vfio-user server has: what it is, its regions, the memory that it may reach.
#include "hal/vfio_user/served_function.h"

#include <algorithm>
#include <cstring>

namespace hal::vfio_user {
namespace {

// What the reply to `request` begins with.
template <class T>
base::Result<T> ask_for(Requester& requester, Command command, const T& request, base::Fd* fd = nullptr) {
  const auto reply = TRY(requester.ask({.command = command, .fixed = bytes_of(request)}, fd));
  std::span<const std::byte> payload = reply;
  T answer;
  if (take(payload, answer)) return answer;
  return base::fail(base::Errc::kIo, "a short answer");
}

}  // namespace

std::uint64_t RegionTrap::read(std::uint32_t offset, unsigned width) {
  std::uint64_t value = ~std::uint64_t{0} >> (64 - 8 * width);
  const RegionAccess access{offset, region_, width};
  const auto reply = requester_.ask({.command = Command::kRegionRead, .fixed = bytes_of(access)});
  if (reply.has_value() && reply->size() == sizeof access + width) {
    std::memcpy(&value, reply->data() + sizeof access, width);
  }
  return value;
}

void RegionTrap::write(std::uint32_t offset, unsigned width, std::uint64_t value) {
  const RegionAccess access{offset, region_, width};
  requester_.post({.command = Command::kRegionWrite, .fixed = bytes_of(access), .data = bytes_of(value).first(width)});
}

ServedFunction::ServedFunction(base::Fd socket, const std::string& name) : requester_(std::move(socket), name) {
  identity_.address = name;
  for (std::uint32_t i = 0; i < kRegions; ++i) traps_.emplace_back(requester_, i);
}

base::Result<void> ServedFunction::start() {
  max_fds_ = TRY(requester_.negotiate()).max_msg_fds;
  const auto info =
      TRY(ask_for(requester_, Command::kDeviceInfo, DeviceInfo{std::uint32_t{sizeof(DeviceInfo)}, 0, 0, 0}));
  if ((info.flags & kDeviceIsPci) == 0 || info.regions < kRegionConfig + 1 || info.irqs < kIrqMsix + 1) {
    return base::fail(base::Errc::kUnsupported, identity_.address + " is not a PCI device");
  }
  TRY(read_regions());
  TRY(read_irqs());
  TRY(read_identity());
  return enable_registers();
}

base::Result<void> ServedFunction::read_regions() {
  for (std::uint32_t i = 0; i <= kRegionConfig; ++i) {
    base::Fd fd;
    const RegionInfo request{std::uint32_t{sizeof(RegionInfo)}, 0, i, 0, 0, 0};
    regions_[i] = TRY(ask_for(requester_, Command::kRegionInfo, request, &fd));
    if (i <= kRegionBar5 && fd && (regions_[i].flags & kRegionCanMap) != 0) TRY(map_whole(i, fd));
  }
  return {};
}

// Only a region that can be mapped as a whole: one with holes has them where the server must see each access.
base::Result<void> ServedFunction::map_whole(std::uint32_t index, const base::Fd& fd) {
  const RegionInfo& info = regions_[index];
  if (info.argsz != sizeof info + sizeof(SparseMapCapability) + sizeof(SparseMapArea)) return {};
  const RegionInfo request{std::uint32_t{info.argsz}, 0, index, 0, 0, 0};
  const auto reply = TRY(requester_.ask({.command = Command::kRegionInfo, .fixed = bytes_of(request)}));
  std::span<const std::byte> payload = reply;
  RegionInfo ignored;
  SparseMapCapability capability;
  SparseMapArea area;
  if (!take(payload, ignored) || !take(payload, capability) || !take(payload, area)) return {};
  if (capability.id != kSparseMap || area.offset != 0 || area.size != info.size) return {};
  void* const at = mmap(nullptr, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                        static_cast<off_t>(std::uint64_t{info.offset}));
  if (at != MAP_FAILED) mapped_[index].memory = {static_cast<std::byte*>(at), std::size_t{info.size}};
  return {};
}

base::Result<void> ServedFunction::read_irqs() {
  for (std::uint32_t i = 0; i < vectors_.size(); ++i) {
    const IrqInfo info = TRY(ask_for(requester_, Command::kIrqInfo, IrqInfo{std::uint32_t{sizeof(IrqInfo)}, 0, i, 0}));
    vectors_[i] = (info.flags & kIrqEventfd) != 0 ? std::min<std::uint32_t>(info.count, 2048) : 0;
  }
  return {};
}

base::Result<void> ServedFunction::read_identity() {
  identity_.vendor = static_cast<std::uint16_t>(TRY(config_read(0x00, 2)));
  identity_.device = static_cast<std::uint16_t>(TRY(config_read(0x02, 2)));
  identity_.subsystem_vendor = static_cast<std::uint16_t>(TRY(config_read(0x2c, 2)));
  identity_.subsystem = static_cast<std::uint16_t>(TRY(config_read(0x2e, 2)));
  const std::uint32_t revision_and_class = TRY(config_read(0x08, 4));
  identity_.revision = static_cast<std::uint8_t>(revision_and_class);
  identity_.class_code = revision_and_class >> 8;
  identity_.interrupt_pin = static_cast<std::uint8_t>(TRY(config_read(0x3d, 1)));
  return {};
}

std::uint32_t ServedFunction::read_config(std::uint16_t offset, unsigned width) {
  return offset < regions_[kRegionConfig].size ? static_cast<std::uint32_t>(traps_[kRegionConfig].read(offset, width))
                                               : 0;
}

void ServedFunction::write_config(std::uint16_t offset, unsigned width, std::uint32_t value) {
  if (offset < regions_[kRegionConfig].size) traps_[kRegionConfig].write(offset, width, value);
}

base::Result<Mmio> ServedFunction::map_bar(Bar bar) {
  const auto index = static_cast<std::size_t>(bar);
  const std::uint64_t size = index < mapped_.size() ? std::uint64_t{regions_[index].size} : 0;
  if (size == 0 || size > 0xffffffffu) return base::fail(base::Errc::kUnsupported, "the function has no such BAR");
  if (!mapped_[index].memory.empty()) return Mmio(std::span<volatile std::byte>(mapped_[index].memory));
  return Mmio(traps_[index], static_cast<std::uint32_t>(size));
}

base::Result<void> ServedFunction::memory_added(const RegisteredMemory& memory) {
  const DmaMapRequest request{std::uint32_t{sizeof request}, kDmaReadable | kDmaWritable, 0,
                              std::uint64_t{reinterpret_cast<std::uintptr_t>(memory.bytes.data())},
                              std::uint64_t{memory.bytes.size()}};
  const int fd = memory.fd;
  const auto reply =
      requester_.ask({.command = Command::kDmaMap, .fixed = bytes_of(request), .fds = std::span(&fd, 1)});
  // A device that is gone reaches nothing, and must not keep others from getting memory.
  if (reply.has_value() || gone()) return {};
  return tl::unexpected<base::Error>(reply.error());
}

void ServedFunction::memory_removed(const RegisteredMemory& memory) {
  const DmaUnmapRequest request{std::uint32_t{sizeof request}, 0,
                                std::uint64_t{reinterpret_cast<std::uintptr_t>(memory.bytes.data())},
                                std::uint64_t{memory.bytes.size()}};
  (void)requester_.ask({.command = Command::kDmaUnmap, .fixed = bytes_of(request)});
}

base::Result<void> ServedFunction::reset() {
  const std::uint32_t command = TRY(config_read(kCommandRegister, 2));
  TRY(requester_.ask({.command = Command::kReset}));
  TRY(config_write(kCommandRegister, 2, command));
  unmask_intx();
  return {};
}

}  // namespace hal::vfio_user
