// The model: BARs, resets, steps, faults on request.
#include "emu/qla/model.h"

#include <fmt/format.h>

#include "emu/qla/firmware.h"
#include "emu/qla/pages.h"
#include "emu/qla/registers.h"

namespace emu::qla {
namespace {
constexpr std::uint64_t kAllOnes = ~std::uint64_t{0};
}  // namespace

Model::Model(ModelHost& host, const Chip& chip, const Factory& factory, Wire& wire)
    : host_(host),
      chip_(chip),
      factory_(factory),
      identity_(chip.identity),
      firmware_(std::make_unique<Firmware>(host, chip, wire)) {
  identity_.interrupt_pin = static_cast<std::uint8_t>(factory.function + 1);
  firmware_->function = factory.function;
  firmware_->core.flash.burn(chip, factory);
  registers_ = std::make_unique<Registers>(*firmware_);
  if (chip.queue_pages) pages_ = std::make_unique<QueuePages>(*firmware_);
}

Model::~Model() = default;

std::uint64_t Model::bar_read(hal::Bar bar, std::uint64_t offset, unsigned width) {
  if (bar == chip_.registers && offset + width <= chip_.window)
    return registers_->read(static_cast<std::uint32_t>(offset), width);
  if (pages_ != nullptr && bar == chip_.pages) return pages_->read(static_cast<std::uint32_t>(offset), width);
  if (bar == chip_.registers) host_.fault(fmt::format("read of {} bytes at {:x}, beyond the registers", width, offset));
  return kAllOnes;
}

void Model::bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) {
  if (bar == chip_.registers && offset + width <= chip_.window)
    return registers_->write(static_cast<std::uint32_t>(offset), width, static_cast<std::uint32_t>(value));
  if (pages_ != nullptr && bar == chip_.pages)
    return pages_->write(static_cast<std::uint32_t>(offset), width, static_cast<std::uint32_t>(value));
  if (bar == chip_.registers)
    host_.fault(fmt::format("write of {} bytes at {:x}, beyond the registers", width, offset));
}

void Model::interrupts_changed() { firmware_->core.events.interrupts_changed(); }

void Model::reset(ResetKind) {
  registers_->reset();
  firmware_->reset();
}

bool Model::poll() {
  const bool reset = registers_->poll();
  return firmware_->poll() || reset;
}

void Model::crash_firmware() { firmware_->crash(); }
void Model::lose_mailbox_answers(unsigned count) { firmware_->mailboxes.lose(count); }
void Model::lose_completions(unsigned count) { firmware_->target.lose_completions(count); }
void Model::bounce_link() { firmware_->link.bounce(); }
Flash& Model::flash() { return firmware_->core.flash; }

}  // namespace emu::qla
