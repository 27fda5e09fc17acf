// Configuration space of a modelled PCI function: what is there, what may be written, what a write sets off.
#include "emu/host/config_space.h"

#include <bit>

namespace emu {
namespace {

constexpr std::uint16_t kDeviceControl = kExpressOffset + 8;
constexpr std::uint16_t kInitiateReset = 0x8000;  // of the device control register

bool overlaps(std::uint16_t offset, unsigned width, unsigned at, unsigned size) {
  return offset < at + size && at < offset + width;
}

}  // namespace

ConfigSpace::ConfigSpace(const Identity& identity)
    : size_(identity.pci_express ? kSize : 256),
      msix_at_(identity.msix_capability),
      has_msi_(identity.msi_vectors > 0),
      has_msix_(identity.msix_vectors > 0) {
  build_header(identity);
  build_bars(identity);
  if (identity.pci_express) build_express();
  if (has_msi_) build_msi(identity);
  if (has_msix_) build_msix(identity);
  initial_ = bytes_;
}

void ConfigSpace::build_header(const Identity& identity) {
  put(0x00, 2, identity.vendor);
  put(0x02, 2, identity.device);
  writable(kCommandOffset, 2, 0x0547);  // I/O, memory, master, parity, SERR, interrupt disable
  put(0x08, 1, identity.revision);
  put(0x09, 3, identity.class_code);
  writable(0x0C, 2, 0xffff);  // cache line size, latency timer
  put(0x2C, 2, identity.subsystem_vendor);
  put(0x2E, 2, identity.subsystem);
  writable(kInterruptLineOffset, 1, 0xff);
  put(0x3D, 1, identity.interrupt_pin);
}

void ConfigSpace::build_bars(const Identity& identity) {
  for (std::size_t i = 0; i < identity.bars.size(); ++i) {
    const BarInfo& bar = identity.bars[i];
    if (bar.size == 0) continue;
    const std::uint64_t address = ~(bar.size - 1);  // the bits that software finds writable tell the size
    const std::size_t at = kBarsOffset + 4 * i;
    put(at, 4, (bar.is_64bit ? 4u : 0u) | (bar.prefetchable ? 8u : 0u));
    writable(at, 4, static_cast<std::uint32_t>(address) & ~15u);
    if (bar.is_64bit && i + 1 < identity.bars.size()) writable(at + 4, 4, static_cast<std::uint32_t>(address >> 32));
  }
}

void ConfigSpace::build_express() {
  link_capability(0x10, kExpressOffset);
  put(kExpressOffset + 2, 2, 0x0002);      // version 2, endpoint
  put(kExpressOffset + 4, 4, 0x10008001);  // payload of 256, role-based errors, function-level reset
  put(kDeviceControl, 2, 0x2810);          // read requests of 512
  writable(kDeviceControl, 2, 0x7fff);
  put(kExpressOffset + 12, 4, 0x00000082);  // 5 GT/s, 8 lanes
  writable(kExpressOffset + 16, 2, 0x01fb);
  put(kExpressOffset + 18, 2, 0x0082);
  put(kExpressOffset + 48, 2, 0x0002);  // target link speed
  writable(kExpressOffset + 48, 2, 0x000f);
}

void ConfigSpace::build_msi(const Identity& identity) {
  link_capability(0x05, kMsiOffset);
  const auto log2 = static_cast<std::uint32_t>(std::bit_width(std::bit_ceil(unsigned{identity.msi_vectors})) - 1);
  put(kMsiOffset + 2, 2, 0x0080 | (log2 << 1));  // 64-bit addresses, vectors wanted
  writable(kMsiOffset + 2, 2, 0x0071);           // enable, vectors granted
  writable(kMsiOffset + 4, 4, 0xfffffffc);
  writable(kMsiOffset + 8, 4, 0xffffffff);
  writable(kMsiOffset + 12, 2, 0xffff);
}

void ConfigSpace::build_msix(const Identity& identity) {
  link_capability(0x11, msix_at_);
  put(msix_at_ + 2u, 2, (identity.msix_vectors - 1u) & 0x7ff);
  writable(msix_at_ + 2u, 2, 0xc000);  // enable, function mask
  put(msix_at_ + 4u, 4, identity.msix_table | static_cast<std::uint32_t>(identity.msix_bar));
  put(msix_at_ + 8u, 4, identity.msix_pending | static_cast<std::uint32_t>(identity.msix_bar));
}

void ConfigSpace::link_capability(std::uint8_t id, std::uint8_t at) {
  bytes_[last_link_] = at;
  bytes_[at] = id;
  last_link_ = at + 1u;
  bytes_[kStatusOffset] |= 0x10;  // there is a list
}

void ConfigSpace::put(std::size_t at, unsigned width, std::uint32_t value) {
  for (unsigned i = 0; i < width; ++i) bytes_[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

void ConfigSpace::writable(std::size_t at, unsigned width, std::uint32_t mask) {
  for (unsigned i = 0; i < width; ++i) mask_[at + i] = static_cast<std::uint8_t>(mask >> (8 * i));
}

std::uint32_t ConfigSpace::read(std::uint16_t offset, unsigned width) const {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < width && offset + i < size_; ++i) value |= std::uint32_t{bytes_[offset + i]} << (8 * i);
  return value;
}

ConfigSpace::Effect ConfigSpace::write(std::uint16_t offset, unsigned width, std::uint32_t value) {
  if (offset >= kSize || width > kSize - offset) return Effect::kNone;
  if (size_ == kSize && overlaps(offset, width, kDeviceControl + 1, 1)) {
    const auto high = static_cast<std::uint8_t>(value >> (8 * (kDeviceControl + 1u - offset)));
    if ((high & (kInitiateReset >> 8)) != 0) return Effect::kFunctionReset;
  }
  const bool intx_was_disabled = intx_disabled(), msix_was = msix_enabled(), mask_was = msix_masked();
  for (unsigned i = 0; i < width; ++i) {
    const std::uint8_t mask = mask_[offset + i];
    const auto byte = static_cast<std::uint8_t>(value >> (8 * i));
    bytes_[offset + i] = static_cast<std::uint8_t>((bytes_[offset + i] & ~mask) | (byte & mask));
  }
  const bool changed = intx_was_disabled != intx_disabled() || msix_was != msix_enabled() || mask_was != msix_masked();
  return changed ? Effect::kInterrupts : Effect::kNone;
}

void ConfigSpace::reset() { bytes_ = initial_; }

void ConfigSpace::set_intx_pending(bool pending) {
  bytes_[kStatusOffset] = static_cast<std::uint8_t>((bytes_[kStatusOffset] & ~8) | (pending ? 8 : 0));
}

void ConfigSpace::enable(hal::InterruptKind kind) {
  const auto flag = [this](std::size_t at, std::uint8_t bit, bool on) {
    bytes_[at] = static_cast<std::uint8_t>((bytes_[at] & ~bit) | (on ? bit : 0));
  };
  if (has_msi_) flag(kMsiOffset + 2, 0x01, kind == hal::InterruptKind::kMsi);
  if (has_msix_) flag(msix_at_ + 3u, 0x80, kind == hal::InterruptKind::kMsix);
}

}  // namespace emu
