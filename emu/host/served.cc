// A model behind a vfio-user server: the server's calls become those of a bus.
#include "emu/host/served.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace emu {
namespace {

namespace vu = hal::vfio_user;

hal::InterruptKind kind_of(std::uint32_t index) {
  switch (index) {
    case vu::kIrqIntx:
      return hal::InterruptKind::kIntx;
    case vu::kIrqMsi:
      return hal::InterruptKind::kMsi;
    case vu::kIrqMsix:
      return hal::InterruptKind::kMsix;
    default:
      return hal::InterruptKind::kNone;
  }
}

// The next access of [offset, offset + left) that is a power of two, aligned to itself and at most `widest`.
unsigned next_width(std::uint64_t offset, std::size_t left, unsigned widest) {
  const std::uint64_t aligned = offset == 0 ? widest : offset & (~offset + 1);
  return static_cast<unsigned>(std::min<std::uint64_t>({aligned, std::bit_floor(left), widest}));
}

}  // namespace

ServedHost::ServedHost(hal::Reactor& reactor, const base::Clock& clock, std::string name)
    : Function(clock, std::move(name)), reactor_(reactor) {
  set_remote_memory(this);
}

ServedHost::~ServedHost() {
  model_may_be_gone_ = true;
  server_.reset();
}

base::Result<void> ServedHost::listen(const std::string& path) {
  describe_regions();
  server_ = TRY(vu::Server::listen(reactor_, path, *this));
  return {};
}

void ServedHost::serve(base::Fd connected) {
  describe_regions();
  vu::Backend& backend = *this;
  server_ = std::make_unique<vu::Server>(reactor_, backend, std::move(connected));
}

void ServedHost::pull_out() {
  if (server_ != nullptr) server_->disconnect("the function was taken out");
}

void ServedHost::describe_regions() {
  CHECK(attached());
  const Identity& identity = model().identity();
  for (std::size_t i = 0; i < identity.bars.size(); ++i) regions_[i].size = identity.bars[i].size;
  regions_[vu::kRegionConfig].size = identity.pci_express ? ConfigSpace::kSize : 256;
}

void ServedHost::client_came(vu::ClientMemory& memory) { client_memory_ = &memory; }

void ServedHost::client_left() {
  client_memory_ = nullptr;
  dma_unmap(0, ~std::uint64_t{0});
  irqs().choose(hal::InterruptKind::kNone, {});
  if (!model_may_be_gone_) Function::reset(ResetKind::kPowerOn);
}

base::Result<void> ServedHost::read(hal::Iova from, std::span<std::byte> to) {
  if (client_memory_ == nullptr) return base::fail(base::Errc::kIo, "there is no client");
  return client_memory_->read(from.raw, to);
}

base::Result<void> ServedHost::write(hal::Iova to, std::span<const std::byte> from) {
  if (client_memory_ == nullptr) return base::fail(base::Errc::kIo, "there is no client");
  return client_memory_->write(to.raw, from);
}

base::Result<void> ServedHost::region_read(std::uint32_t index, std::uint64_t offset, std::span<std::byte> to) {
  const bool config = index == vu::kRegionConfig;
  while (!to.empty()) {
    const unsigned width = next_width(offset, to.size(), config ? 4 : 8);
    const std::uint64_t value = config ? config_read(static_cast<std::uint16_t>(offset), width)
                                       : bar_read(static_cast<hal::Bar>(index), offset, width);
    std::memcpy(to.data(), &value, width);
    to = to.subspan(width);
    offset += width;
  }
  return {};
}

base::Result<void> ServedHost::region_write(std::uint32_t index, std::uint64_t offset,
                                            std::span<const std::byte> from) {
  const bool config = index == vu::kRegionConfig;
  while (!from.empty()) {
    const unsigned width = next_width(offset, from.size(), config ? 4 : 8);
    std::uint64_t value = 0;
    std::memcpy(&value, from.data(), width);
    if (config) {
      config_write(static_cast<std::uint16_t>(offset), width, static_cast<std::uint32_t>(value));
    } else {
      bar_write(static_cast<hal::Bar>(index), offset, width, value);
    }
    from = from.subspan(width);
    offset += width;
  }
  return {};
}

vu::IrqKind ServedHost::irq(std::uint32_t index) const {
  const Identity& identity = model().identity();
  switch (index) {
    case vu::kIrqIntx:
      return {identity.interrupt_pin != 0 ? 1u : 0u, vu::kIrqEventfd | vu::kIrqMaskable | vu::kIrqAutomasked};
    case vu::kIrqMsi:
      return {identity.msi_vectors, vu::kIrqEventfd | vu::kIrqNoResize};
    case vu::kIrqMsix:
      return {identity.msix_vectors, vu::kIrqEventfd | vu::kIrqNoResize};
    default:
      return {};
  }
}

base::Result<void> ServedHost::disable_irqs(std::uint32_t index) {
  if (kind_of(index) != irqs().kind()) return {};
  irqs().choose(hal::InterruptKind::kNone, {});
  config().enable(hal::InterruptKind::kNone);
  interrupts_chosen();
  return {};
}

base::Result<void> ServedHost::set_eventfds(std::uint32_t index, std::uint32_t start, std::vector<base::Fd> fds) {
  const hal::InterruptKind kind = kind_of(index);
  if (kind != irqs().kind()) {
    const bool none = std::none_of(fds.begin(), fds.end(), [](const base::Fd& fd) { return static_cast<bool>(fd); });
    if (none) return {};  // nobody listened
    irqs().choose(kind, {});
    config().enable(kind);
  }
  for (std::uint32_t i = 0; i < fds.size(); ++i) irqs().replace(start + i, std::move(fds[i]));
  interrupts_chosen();
  return {};
}

base::Result<void> ServedHost::act_on_irq(std::uint32_t index, std::uint32_t vector, vu::IrqAction action) {
  if (kind_of(index) != irqs().kind()) return {};  // too late, or too early
  if (action == vu::IrqAction::kTrigger) {
    irqs().trigger(vector);
    return {};
  }
  if (index != vu::kIrqIntx) return base::fail(base::Errc::kUnsupported, "messages are masked in their table");
  irqs().mask(vector, action == vu::IrqAction::kMask);
  return {};
}

base::Result<void> ServedHost::dma_map(std::uint64_t address, std::uint64_t size, std::uint32_t access, base::Fd fd,
                                       std::uint64_t offset) {
  const bool writable = (access & vu::kDmaWritable) != 0;
  DmaRange range{.size = size, .readable = (access & vu::kDmaReadable) != 0, .writable = writable};
  if (fd) range.memory = TRY(files_.use(fd.get(), offset, size, writable));
  auto mapped = map(hal::Iova{address}, range);
  if (!mapped.has_value() && range.memory != nullptr) files_.release(range.memory);
  return mapped;
}

void ServedHost::dma_unmap(std::uint64_t address, std::uint64_t size) {
  if (!model_may_be_gone_) model().quiesce();
  unmap(hal::Iova{address}, size, [this](hal::Iova, const DmaRange& range) {
    if (range.memory != nullptr) files_.release(range.memory);
  });
}

void ServedHost::reset() {
  Function::reset(ResetKind::kFunctionLevel);
  config().enable(irqs().kind());
  interrupts_chosen();
}

}  // namespace emu
