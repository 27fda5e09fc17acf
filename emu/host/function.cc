// A modelled function on its bus: which accesses reach the model, and what DMA is allowed.
#include "emu/host/function.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/log.h"

namespace emu {
namespace {

constexpr base::Logger kLog("model");
constexpr std::uint64_t kFaultsLogged = 32;  // after these only every power of two: a fault may come with each command

std::uint64_t all_ones(unsigned width) { return ~std::uint64_t{0} >> (64 - 8 * width); }

// A dword is written at once, after all before it: by one a driver knows that the rest is there.
void copy_out(std::byte* to, std::span<const std::byte> from) {
  if (from.size() != sizeof(std::uint32_t) || reinterpret_cast<std::uintptr_t>(to) % sizeof(std::uint32_t) != 0) {
    std::memcpy(to, from.data(), from.size());
    return;
  }
  std::uint32_t word;
  std::memcpy(&word, from.data(), sizeof word);
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(to)).store(word, std::memory_order_release);
}

}  // namespace

Function::Function(const base::Clock& clock, std::string name) : clock_(clock), name_(std::move(name)) {}

Function::~Function() {
  if (linked()) unlink();
}

void Function::attach(DeviceModel& model) {
  CHECK(model_ == nullptr);
  model_ = &model;
  config_ = std::make_unique<ConfigSpace>(model.identity());
  interrupts_ = std::make_unique<Interrupts>(model.identity().msix_vectors);
  model.reset(ResetKind::kPowerOn);
}

template <class Bytes, class Copy>
base::Result<void> Function::dma(const char* what, hal::Iova at, Bytes bytes, bool write, Copy&& copy) {
  const auto refused = [&](const std::string& why) {
    fault(fmt::format("DMA {} of {} bytes at {:#x}: {}", what, bytes.size(), at.raw, why));
    return base::fail(base::Errc::kDenied, "DMA refused: " + why);
  };
  if (removed()) return base::fail(base::Errc::kIo, "the function is gone");
  if (!config_->bus_master()) return refused("bus mastership is off");
  const std::lock_guard lock(dma_mutex_);
  auto done =
      dma_.walk(at, bytes.size(), write, [&](hal::Iova place, std::byte* memory, std::size_t from, std::size_t n) {
        return copy(place, memory, bytes.subspan(from, n));
      });
  if (!done.has_value()) return refused(done.error().text);
  return {};
}

base::Result<void> Function::dma_read(hal::Iova from, std::span<std::byte> to) {
  return dma("read", from, to, false, [this](hal::Iova at, const std::byte* memory, std::span<std::byte> part) {
    if (memory == nullptr) return remote_->read(at, part);
    std::memcpy(part.data(), memory, part.size());
    return base::Result<void>();
  });
}

base::Result<void> Function::dma_write(hal::Iova to, std::span<const std::byte> from) {
  return dma("write", to, from, true, [this](hal::Iova at, std::byte* memory, std::span<const std::byte> part) {
    if (memory == nullptr) return remote_->write(at, part);
    copy_out(memory, part);
    return base::Result<void>();
  });
}

base::Result<void> Function::map(hal::Iova at, const DmaRange& range) {
  CHECK(range.memory != nullptr || remote_ != nullptr);
  const std::lock_guard lock(dma_mutex_);
  return dma_.add(at, range);
}

void Function::raise(unsigned vector) {
  if (!removed()) interrupts_->raise(vector);
}

void Function::set_intx(bool asserted) {
  if (removed()) return;
  config_->set_intx_pending(asserted);
  interrupts_->set_level(asserted);
}

void Function::fault(std::string_view what) {
  const std::uint64_t count = faults_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (count <= kFaultsLogged || std::has_single_bit(count)) kLog.warn("{}: fault {}: {}", name_, count, what);
}

bool Function::poll() { return !removed() && model_->poll(); }

void Function::remove() { removed_.store(true, std::memory_order_relaxed); }

std::uint32_t Function::config_read(std::uint16_t offset, unsigned width) const {
  return removed() ? static_cast<std::uint32_t>(all_ones(width)) : config_->read(offset, width);
}

void Function::config_write(std::uint16_t offset, unsigned width, std::uint32_t value) {
  if (!removed()) config_effect(config_->write(offset, width, value));
}

void Function::config_effect(ConfigSpace::Effect effect) {
  if (effect == ConfigSpace::Effect::kFunctionReset) reset(ResetKind::kFunctionLevel);
  if (effect != ConfigSpace::Effect::kInterrupts) return;
  interrupts_->disable_intx(config_->intx_disabled());
  interrupts_->mask_messages(config_->msix_masked());
  interrupts_chosen();
}

void Function::interrupts_chosen() { model_->interrupts_changed(); }

void Function::reset(ResetKind kind) {
  config_->reset();
  interrupts_->reset();
  model_->reset(kind);
}

bool Function::in_bar(hal::Bar bar, std::uint64_t offset, unsigned width) const {
  const std::uint64_t size = model_->identity().bars[static_cast<std::size_t>(bar)].size;
  return !removed() && config_->memory_enabled() && offset < size && width <= size - offset;
}

Function::Place Function::place(hal::Bar bar, std::uint64_t offset) const {
  const Identity& identity = model_->identity();
  if (identity.msix_vectors == 0 || bar != identity.msix_bar) return Place::kModel;
  if (offset >= identity.msix_table && offset - identity.msix_table < identity.msix_vectors * 16u) return Place::kTable;
  const std::uint32_t pending = (identity.msix_vectors + 63u) / 64 * 8;
  return offset >= identity.msix_pending && offset - identity.msix_pending < pending ? Place::kPending : Place::kModel;
}

// In 32-bit words, which the table is made of; narrower reads take their part.
std::uint64_t Function::table_access(Place place, std::uint32_t offset, unsigned width) const {
  const auto word = [&](std::uint32_t at) -> std::uint64_t {
    return place == Place::kTable ? interrupts_->table_read(at) : interrupts_->pending_read(at);
  };
  if (width == 8) return word(offset) | (word(offset + 4) << 32);
  return (word(offset & ~3u) >> (8 * (offset & 3))) & all_ones(width);
}

std::uint64_t Function::bar_read(hal::Bar bar, std::uint64_t offset, unsigned width) {
  if (!in_bar(bar, offset, width)) return all_ones(width);
  const Place where = place(bar, offset);
  if (where == Place::kModel) return model_->bar_read(bar, offset, width);
  const Identity& identity = model_->identity();
  const std::uint32_t start = where == Place::kTable ? identity.msix_table : identity.msix_pending;
  return table_access(where, static_cast<std::uint32_t>(offset) - start, width);
}

void Function::bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) {
  if (!in_bar(bar, offset, width)) return;
  const Place where = place(bar, offset);
  if (where == Place::kModel) return model_->bar_write(bar, offset, width, value);
  if (where == Place::kPending) return fault("write to the MSI-X pending bits");
  if (width < 4) return fault("write to the MSI-X table that is not of 4 or 8 bytes");
  const auto at = static_cast<std::uint32_t>(offset) - model_->identity().msix_table;
  interrupts_->table_write(at, static_cast<std::uint32_t>(value));
  if (width == 8) interrupts_->table_write(at + 4, static_cast<std::uint32_t>(value >> 32));
  interrupts_chosen();
}

}  // namespace emu
