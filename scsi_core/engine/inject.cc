// Matching of commands against fault rules.
#include "scsi_core/engine/inject.h"

#include "scsi_core/engine/ending.h"
#include "scsi_core/execution.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

bool concerns(const ActiveRule& active, const Command& command) {
  const InjectRule& rule = active.rule;
  const CoreState& core = command.core;
  if (active.lu != core.lu || (rule.opcode >= 0 && rule.opcode != command.cdb[0])) return false;
  if (core.row->serial == Serial::kNone || core.extent.blocks == 0) return rule.any_command;
  const std::uint64_t last = core.extent.lba + (core.extent.blocks - 1);
  return core.extent.lba <= rule.last_lba && last >= rule.first_lba;
}

Outcome medium_error(const InjectRule& rule, const Command& command) {
  const bool writes = command.core.row->direction == DataDirection::kOut;
  return Outcome::check(writes ? kWriteError : kUnrecoveredReadError,
                        std::max(rule.first_lba, command.core.extent.lba));
}

}  // namespace

bool ActiveRule::use() {
  if (rule.count == 0) return true;
  std::uint32_t now = left.load(std::memory_order_relaxed);
  while (now > 0) {
    if (left.compare_exchange_weak(now, now - 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

bool Injector::apply(Command& command) {
  for (ActiveRule* active : rules_) {
    if (!concerns(*active, command) || !active->use()) continue;
    switch (active->rule.kind) {
      case InjectRule::Kind::kDelay:
        delay(command, active->rule.delay);
        break;
      case InjectRule::Kind::kMediumError:
        finish(command, medium_error(active->rule, command));
        break;
      case InjectRule::Kind::kAbort:
        finish(command, Outcome::check(kAbortedCommandNoAdditionalSense));
        break;
      case InjectRule::Kind::kUnitAttention:
        finish(command, Outcome::check(active->rule.sense));
        break;
    }
    return true;
  }
  return false;
}

void Injector::delay(Command& command, base::Duration by) {
  CoreState& core = command.core;
  core.state = CommandState::kDelayed;
  core.next = core.row->enter;
  core.audit.add(reactor_.now(), CommandEvent::kWaits, static_cast<std::uint32_t>(WaitReason::kInjectedDelay));
  auto& entry = delayed_[&command];
  entry = std::make_unique<Delay>(*this, command);
  entry->timer.arm(reactor_.timers(), reactor_.now() + by);
}

void Injector::Delay::over(void* context) {
  auto& delay = *static_cast<Delay*>(context);
  Command& command = delay.command;
  delay.injector.delayed_.erase(&command);  // `delay` is gone
  resume(command);
}

void Injector::cancel(Command& command) { delayed_.erase(&command); }

}  // namespace scsi
