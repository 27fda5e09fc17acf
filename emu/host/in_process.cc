// The driver's end of a model in this process: each call becomes one on the function.
#include "emu/host/in_process.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "hal/pci_function.h"

namespace emu {
namespace {

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

class InProcessDevice final : public hal::PciFunction {
 public:
  explicit InProcessDevice(Function& function);
  ~InProcessDevice() override;
  base::Result<hal::Mmio> map_bar(hal::Bar bar) override;
  void unmask_intx() override;
  base::Result<void> reset() override;
  bool gone() const override { return function_.removed(); }

 private:
  std::uint32_t read_config(std::uint16_t offset, unsigned width) override {
    return function_.config_read(offset, width);
  }
  void write_config(std::uint16_t offset, unsigned width, std::uint32_t value) override {
    function_.config_write(offset, width, value);
  }
  base::Result<void> vectors_on(hal::InterruptKind kind, std::span<const int> eventfds) override;
  base::Result<void> vectors_off(hal::InterruptKind kind) override;
  base::Result<void> memory_added(const hal::RegisteredMemory& memory) override;
  void memory_removed(const hal::RegisteredMemory& memory) override;

  Function& function_;
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
  vectors_ = {id.interrupt_pin != 0 ? 1u : 0u, id.msi_vectors, id.msix_vectors};
  (void)enable_registers();
}

InProcessDevice::~InProcessDevice() { release(); }

base::Result<hal::Mmio> InProcessDevice::map_bar(hal::Bar bar) {
  const auto index = static_cast<std::size_t>(bar);
  const std::uint64_t size = index < bars_.size() ? function_.model().identity().bars[index].size : 0;
  if (size == 0 || size > 0xffffffffu) return base::fail(base::Errc::kUnsupported, "the function has no such BAR");
  return hal::Mmio(bars_[index], static_cast<std::uint32_t>(size));
}

base::Result<void> InProcessDevice::memory_added(const hal::RegisteredMemory& memory) {
  return function_.map(hal::Iova{reinterpret_cast<std::uintptr_t>(memory.bytes.data())},
                       {.size = memory.bytes.size(), .memory = memory.bytes.data()});
}

void InProcessDevice::memory_removed(const hal::RegisteredMemory& memory) {
  function_.unmap(hal::Iova{reinterpret_cast<std::uintptr_t>(memory.bytes.data())}, memory.bytes.size(),
                  [](hal::Iova, const DmaRange&) {});
}

base::Result<void> InProcessDevice::vectors_on(hal::InterruptKind kind, std::span<const int> eventfds) {
  std::vector<base::Fd> own;
  for (const int fd : eventfds) {
    own.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own.back()) return base::fail_errno("duplicate an eventfd");
  }
  function_.irqs().choose(kind, std::move(own));
  function_.config().enable(kind);
  function_.interrupts_chosen();
  return {};
}

base::Result<void> InProcessDevice::vectors_off(hal::InterruptKind) {
  function_.irqs().choose(hal::InterruptKind::kNone, {});
  function_.config().enable(hal::InterruptKind::kNone);
  function_.interrupts_chosen();
  return {};
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
