// What implementations of PciDevice share.
#include "hal/pci_function.h"

#include <sys/eventfd.h>

#include <utility>

namespace hal {
namespace {

constexpr std::uint32_t kMemorySpace = 2, kBusMaster = 4;

// Nothing waits in them; they only wake sleepers.
base::Result<std::vector<base::Fd>> make_eventfds(unsigned count) {
  std::vector<base::Fd> made;
  for (unsigned i = 0; i < count; ++i) {
    made.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!made.back()) return base::fail_errno("eventfd");
  }
  return made;
}

}  // namespace

base::Result<std::uint32_t> PciFunction::config_read(std::uint16_t offset, unsigned width) {
  TRY(check_config_access(offset, width));
  return read_config(offset, width);
}

base::Result<void> PciFunction::config_write(std::uint16_t offset, unsigned width, std::uint32_t value) {
  TRY(check_config_access(offset, width));
  write_config(offset, width, value);
  return {};
}

base::Result<void> PciFunction::set_command(std::uint32_t bits, bool on) {
  const std::uint32_t command = TRY(config_read(kCommandRegister, 2));
  return config_write(kCommandRegister, 2, on ? command | bits : command & ~bits);
}

base::Result<void> PciFunction::enable_registers() { return set_command(kMemorySpace, true); }

base::Result<void> PciFunction::enable_dma() {
  if (gone()) return base::fail(base::Errc::kIo, identity_.address + " is gone");
  if (!linked()) TRY(DmaRegistry::instance().subscribe(*this));
  return set_command(kBusMaster, true);
}

void PciFunction::disable_dma() {
  (void)set_command(kBusMaster, false);
  if (linked()) DmaRegistry::instance().unsubscribe(*this);
}

unsigned PciFunction::interrupt_vectors(InterruptKind kind) const {
  return kind == InterruptKind::kNone ? 0 : vectors_[index_of(kind)];
}

base::Result<void> PciFunction::set_interrupts(InterruptKind kind, unsigned vectors) {
  if (kind != InterruptKind::kNone && (vectors == 0 || vectors > interrupt_vectors(kind))) {
    return base::fail(base::Errc::kUnsupported, "the function has not got so many interrupt vectors of that kind");
  }
  if (kind_ != InterruptKind::kNone) {
    base::Result<void> off = vectors_off(std::exchange(kind_, InterruptKind::kNone));
    eventfds_.clear();
    if (!off.has_value()) return off;
  }
  if (kind == InterruptKind::kNone) return {};
  std::vector<base::Fd> made = TRY(make_eventfds(vectors));
  std::vector<int> fds;
  fds.reserve(made.size());
  for (const base::Fd& each : made) fds.push_back(each.get());
  TRY(vectors_on(kind, fds));
  eventfds_ = std::move(made);
  kind_ = kind;
  return {};
}

base::Result<int> PciFunction::interrupt_fd(unsigned vector) const {
  if (vector >= eventfds_.size()) return base::fail(base::Errc::kNotFound, "no such interrupt vector");
  return eventfds_[vector].get();
}

void PciFunction::release() {
  (void)set_interrupts(InterruptKind::kNone, 0);
  disable_dma();
  (void)set_command(kMemorySpace, false);
}

}  // namespace hal
