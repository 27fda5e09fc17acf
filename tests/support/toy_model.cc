// The toy device: registers latch, poll() copies.
#include "tests/support/toy_model.h"

#include <vector>

namespace test_support {
namespace {

std::uint64_t merge(std::uint64_t old, std::uint64_t offset, unsigned width, std::uint64_t value) {
  const unsigned shift = 8 * (offset & 7);
  const std::uint64_t mask = (~std::uint64_t{0} >> (64 - 8 * width)) << shift;
  return (old & ~mask) | ((value << shift) & mask);
}

}  // namespace

ToyModel::ToyModel(emu::ModelHost& host) : host_(host) {
  identity_.vendor = 0x1af4;
  identity_.device = 0x70f1;
  identity_.subsystem_vendor = 0x1af4;
  identity_.subsystem = 0x0002;
  identity_.revision = 3;
  identity_.class_code = 0x0c0400;
  identity_.bars[1] = {.size = 4096, .is_64bit = true};
  identity_.bars[3] = {.size = 4096, .is_64bit = true};
  identity_.msi_vectors = 1;
  identity_.msix_vectors = 4;
  identity_.msix_bar = hal::Bar::k3;
  identity_.msix_pending = 0x800;
}

void ToyModel::reset(emu::ResetKind) {
  ++resets;
  scratch_ = {};
  source_ = target_ = 0;
  length_ = done_ = failed_ = 0;
  rung_ = false;
}

std::uint64_t ToyModel::bar_read(hal::Bar bar, std::uint64_t offset, unsigned width) {
  if (bar != hal::Bar::k1) return ~std::uint64_t{0};
  if (offset >= 0x20 && offset < 0x30) return (offset < 0x28 ? source_ : target_) >> (8 * (offset & 7));
  if (width == 4 && offset >= 0x10 && offset < 0x20) return scratch_[(offset - 0x10) / 4];
  switch (offset) {
    case toy::Id::kOffset:
      return toy::kId;
    case toy::Length::kOffset:
      return length_;
    case toy::Done::kOffset:
      return done_;
    case toy::Failed::kOffset:
      return failed_;
    case toy::Changes::kOffset:
      return changes_;
    default:
      host_.fault("read of a register that is not there");
      return ~std::uint64_t{0};
  }
}

void ToyModel::bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  if (bar == hal::Bar::k1 && offset >= 0x20 && offset < 0x30) {
    std::uint64_t& address = offset < 0x28 ? source_ : target_;
    address = merge(address, offset, width, value);
  } else if (bar == hal::Bar::k1 && width == 4 && offset >= 0x10 && offset < 0x20) {
    scratch_[(offset - 0x10) / 4] = word;
  } else if (bar == hal::Bar::k1 && offset == toy::Length::kOffset) {
    length_ = word;
  } else if (bar == hal::Bar::k1 && offset == toy::Doorbell::kOffset) {
    vector_ = word;
    rung_ = true;
  } else if (bar == hal::Bar::k1 && offset == toy::Acknowledge::kOffset) {
    host_.set_intx(false);
  } else {
    host_.fault("write to a register that is not there");
  }
}

bool ToyModel::poll() {
  if (!rung_) return false;
  rung_ = false;
  copy();
  if (host_.interrupts() == hal::InterruptKind::kIntx) {
    host_.set_intx(true);
  } else {
    host_.raise(vector_);
  }
  return true;
}

void ToyModel::copy() {
  if (length_ > toy::kLongest) {
    host_.fault("copy that is too long");
    ++failed_;
    return;
  }
  std::vector<std::byte> data(length_);
  const bool ok =
      host_.dma_read(hal::Iova{source_}, data).has_value() && host_.dma_write(hal::Iova{target_}, data).has_value();
  ++(ok ? done_ : failed_);
}

std::string ToyModel::dump() const { return "toy: " + std::to_string(done_) + " copies\n"; }

}  // namespace test_support
