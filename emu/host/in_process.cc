// The driver's end of a model in this process: each call becomes one on the function.
#include "emu/host/in_process.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "hal/dma_registry.h"

namespace emu {
namespace {

constexpr std::uint32_t kMemorySpace = 2, kBusMaster = 4;

class BarTrap final : public hal::MmioTrap {
 public:
  BarTrap(Function& function, hal::Bar bar) : function_(function), bar_(bar) {}
  std::uint64_t read(std::uint32_t offset, unsigned width) override { return function_.bar_read(bar_, offset, width); }
  void write(std::uint32_t offset, unsigned width, std::uint64_t value) override {
    function_.bar_write(bar_, offset, width, value);
  }

 private:
  Function& function_;
  hal::Bar bar_;
};

class InProcessDevice final : public hal::PciDevice, private hal::DmaListener {
 public:
  explicit InProcessDevice(Function& function);
  ~InProcessDevice() override;
  const hal::PciIdentity& identity() const override { return identity_; }
  base::Result<std::uint32_t> config_read(std::uint16_t offset, unsigned width) override;
  base::Result<void> config_write(std::uint16_t offset, unsigned width, std::uint32_t value) override;
  base::Result<hal::Mmio> map_bar(hal::Bar bar) override;
  base::Result<void> enable_dma() override;
  void disable_dma() override;
  unsigned interrupt_vectors(hal::InterruptKind kind) const override;
  base::Result<void> set_interrupts(hal::InterruptKind kind, unsigned vectors) override;
  base::Result<int> interrupt_fd(unsigned vector) const override;
  void unmask_intx() override;
  base::Result<void> reset() override;
  bool gone() const override { return function_.removed(); }

 private:
  base::Result<void> memory_added(const hal::RegisteredMemory& memory) override;
  void memory_removed(const hal::RegisteredMemory& memory) override;
  void set_command(std::uint32_t bits, bool on);

  Function& function_;
  hal::PciIdentity identity_;
  std::array<BarTrap, 6> bars_;
};

InProcessDevice::InProcessDevice(Function& function)
    : function_(function), bars_{BarTrap(function, hal::Bar::k0), BarTrap(function, hal::Bar::k1),
                                 BarTrap(function, hal::Bar::k2), BarTrap(function, hal::Bar::k3),
                                 BarTrap(function, hal::Bar::k4), BarTrap(function, hal::Bar::k5)} {
  const Identity& id = function.model().identity();
  identity_ = {.address = function.name(),
               .vendor = id.vendor,
               .device = id.device,
               .subsystem_vendor = id.subsystem_vendor,
               .subsystem = id.subsystem,
               .revision = id.revision,
               .interrupt_pin = id.interrupt_pin,
               .class_code = id.class_code,
               .numa_node = -1};
  set_command(kMemorySpace, true);
}

InProcessDevice::~InProcessDevice() {
  (void)set_interrupts(hal::InterruptKind::kNone, 0);
  disable_dma();
  set_command(kMemorySpace, false);
}

void InProcessDevice::set_command(std::uint32_t bits, bool on) {
  const std::uint32_t command = function_.config_read(kCommandOffset, 2);
  function_.config_write(kCommandOffset, 2, on ? command | bits : command & ~bits);
}

base::Result<std::uint32_t> InProcessDevice::config_read(std::uint16_t offset, unsigned width) {
  TRY(hal::check_config_access(offset, width));
  return function_.config_read(offset, width);
}

base::Result<void> InProcessDevice::config_write(std::uint16_t offset, unsigned width, std::uint32_t value) {
  TRY(hal::check_config_access(offset, width));
  function_.config_write(offset, width, value);
  return {};
}

base::Result<hal::Mmio> InProcessDevice::map_bar(hal::Bar bar) {
  const auto index = static_cast<std::size_t>(bar);
  const std::uint64_t size = index < bars_.size() ? function_.model().identity().bars[index].size : 0;
  if (size == 0 || size > 0xffffffffu) return base::fail(base::Errc::kUnsupported, "the function has no such BAR");
  return hal::Mmio(bars_[index], static_cast<std::uint32_t>(size));
}

base::Result<void> InProcessDevice::enable_dma() {
  if (gone()) return base::fail(base::Errc::kIo, identity_.address + " is gone");
  if (!linked()) TRY(hal::DmaRegistry::instance().subscribe(*this));
  set_command(kBusMaster, true);
  return {};
}

void InProcessDevice::disable_dma() {
  set_command(kBusMaster, false);
  if (linked()) hal::DmaRegistry::instance().unsubscribe(*this);
}

base::Result<void> InProcessDevice::memory_added(const hal::RegisteredMemory& memory) {
  return function_.map(hal::Iova{reinterpret_cast<std::uintptr_t>(memory.bytes.data())},
                       {.size = memory.bytes.size(), .memory = memory.bytes.data()});
}

void InProcessDevice::memory_removed(const hal::RegisteredMemory& memory) {
  function_.unmap(hal::Iova{reinterpret_cast<std::uintptr_t>(memory.bytes.data())}, memory.bytes.size(),
                  [](hal::Iova, const DmaRange&) {});
}

unsigned InProcessDevice::interrupt_vectors(hal::InterruptKind kind) const {
  const Identity& id = function_.model().identity();
  switch (kind) {
    case hal::InterruptKind::kIntx:
      return id.interrupt_pin != 0 ? 1 : 0;
    case hal::InterruptKind::kMsi:
      return id.msi_vectors;
    case hal::InterruptKind::kMsix:
      return id.msix_vectors;
    case hal::InterruptKind::kNone:
      break;
  }
  return 0;
}

base::Result<void> InProcessDevice::set_interrupts(hal::InterruptKind kind, unsigned vectors) {
  if (kind == hal::InterruptKind::kNone) vectors = 0;
  if (kind != hal::InterruptKind::kNone && (vectors == 0 || vectors > interrupt_vectors(kind))) {
    return base::fail(base::Errc::kUnsupported, "the function has not got so many interrupt vectors of that kind");
  }
  std::vector<base::Fd> fds;
  for (unsigned i = 0; i < vectors; ++i) {
    fds.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fds.back()) return base::fail_errno("eventfd");
  }
  function_.irqs().choose(kind, std::move(fds));
  function_.config().enable(kind);
  function_.interrupts_chosen();
  return {};
}

base::Result<int> InProcessDevice::interrupt_fd(unsigned vector) const {
  if (vector >= function_.irqs().vectors()) return base::fail(base::Errc::kNotFound, "no such interrupt vector");
  return function_.irqs().fd(vector);
}

void InProcessDevice::unmask_intx() {
  if (function_.interrupts() != hal::InterruptKind::kIntx) return;
  function_.irqs().mask(0, false);
}

base::Result<void> InProcessDevice::reset() {
  if (gone()) return base::fail(base::Errc::kIo, identity_.address + " is gone");
  const std::uint32_t command = function_.config_read(kCommandOffset, 2);
  function_.reset(ResetKind::kFunctionLevel);
  function_.config_write(kCommandOffset, 2, command);
  function_.config().enable(function_.interrupts());
  for (unsigned i = 0; i < function_.irqs().vectors(); ++i) function_.irqs().mask(i, false);
  function_.interrupts_chosen();
  return {};
}

}  // namespace

std::unique_ptr<hal::PciDevice> InProcessHost::open() {
  CHECK(attached());
  return std::make_unique<InProcessDevice>(*this);
}

}  // namespace emu
