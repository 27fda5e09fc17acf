// How commands go on and end; residuals and sense data of the response.
#include "scsi_core/engine/ending.h"

#include "base/check.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/execution.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

inline void count(Command& command, bool error) {
  const CoreState& core = command.core;
  if (core.itl == nullptr) return;
  ItlNexus& itl = *core.itl;
  CommandCounters& counters = itl.counters;
  if (error) ++counters.errors;
  if (core.row->serial == Serial::kNone) {
    ++counters.others;
    return;
  }
  CommandCounters::Medium& medium = core.row->serial == Serial::kRead ? counters.reads : counters.writes;
  medium.bytes += core.moved;
  Router& router = router_of(command);
  const base::Time now = router.reactor().now();
  const std::size_t bucket = base::Histogram::bucket(now - core.received_at);
  if (bucket == 0 && itl.round != now) router.round_end().note(itl);
  medium.latency.add(bucket);
}

std::uint32_t detail_of(const Outcome& outcome) {
  const SenseCode& code = outcome.sense.code;
  const bool sense = outcome.status == Status::kCheckCondition;
  return static_cast<std::uint32_t>(outcome.status) << 24 |
         (sense ? static_cast<std::uint32_t>(code.key) << 16 | std::uint32_t{code.asc} << 8 | code.ascq : 0);
}

// Takes the command out of everything but the port. `completed`: with a status of its own.
inline void let_go(Command& command, bool completed) {
  CoreState& core = command.core;
  release_buffers(command);
  if (core.shard != nullptr) {
    core.shard->leave(command, completed);
  } else {
    router_of(command).leave_without_unit(command, completed);
  }
  core.state = CommandState::kStatus;
  router_of(command).gone(command);
}

// UA_INTLCK_CTRL = 11b (SPC-5 7.5.10): a status without sense data is told again by a unit attention condition.
void remember_status(ItlNexus& itl, Status status) {
  if ((itl.lu->flags.load(std::memory_order_relaxed) & kLuAttentionForStatus) == 0) return;
  if (status == Status::kBusy) itl.attentions.establish(kPreviousBusyStatus);
  if (status == Status::kTaskSetFull) itl.attentions.establish(kPreviousTaskSetFullStatus);
  if (status == Status::kReservationConflict) itl.attentions.establish(kPreviousReservationConflictStatus);
}

}  // namespace

// EXPECTED DATA TRANSFER LENGTH against what the command asked for and moved (SAM-5 5.4.3; RFC 7143 11.4.5.1).
void set_residual(Command& command, bool good) {
  const CoreState& core = command.core;
  const std::uint64_t expected = command.expected_length;
  const bool no_data = core.row == nullptr || (expected != 0 && command.direction != core.row->direction);
  std::uint64_t wanted = no_data ? 0 : core.length;
  if (!good && wanted <= expected) wanted = core.moved;
  Response& response = command.response;
  response.residual = wanted > expected   ? Response::Residual::kOverflow
                      : wanted < expected ? Response::Residual::kUnderflow
                                          : Response::Residual::kNone;
  response.residual_count = wanted > expected ? wanted - expected : expected - wanted;
}

void CommandDeferred::run(hal::Deferred& deferred) { resume(static_cast<CommandDeferred&>(deferred).command); }

void resume(Command& command) {
  CoreState& core = command.core;
  if (core.aborted) [[unlikely]] {
    end_aborted(command);
    return;
  }
  core.state = CommandState::kActive;
  core.next(command);
}

void continue_later(Command& command, Step next) {
  command.core.state = CommandState::kActive;
  command.core.next = next;
  router_of(command).reactor().defer(command.core.deferred);
}

void respond(Command& command, const Outcome& outcome) {
  if (outcome.status == Status::kGood) return respond_good(command);
  Response& response = command.response;
  response.status = outcome.status;
  response.sense_length = 0;
  if (outcome.status == Status::kCheckCondition) {
    const LogicalUnit* lu = command.core.lu;
    const bool descriptor = lu != nullptr && (lu->flags.load(std::memory_order_relaxed) & kLuDescriptorSense) != 0;
    response.sense_length = static_cast<std::uint8_t>(outcome.sense.encode(descriptor, response.sense));
  }
  set_residual(command, outcome.status == Status::kConditionMet);
}

void complete(Command& command, const Outcome& outcome) {
  respond(command, outcome);
  if (outcome.status >= Status::kBusy && command.core.itl != nullptr) [[unlikely]] {
    remember_status(*command.core.itl, outcome.status);
  }
  command.core.audit.add(router_of(command).reactor().now(), CommandEvent::kCompleted, detail_of(outcome));
  count(command, outcome.status == Status::kCheckCondition);
  let_go(command, true);
  command.nexus->port.send_command_complete(command);
}

void end_aborted(Command& command) {
  CoreState& core = command.core;
  const bool reports = core.abort_reports && !command.nexus->lost();
  if (reports) respond(command, core.abort_outcome);
  core.audit.add(router_of(command).reactor().now(), reports ? CommandEvent::kCompleted : CommandEvent::kDropped,
                 reports ? detail_of(core.abort_outcome) : 0);
  if (core.itl != nullptr) ++core.itl->counters.aborted;
  TargetPort& port = command.nexus->port;
  let_go(command, false);
  if (reports) {
    port.send_command_complete(command);
  } else {
    port.drop_command(command);
  }
}

void Router::transfer_answered(Command& command, Delivery delivery) {
  CoreState& core = command.core;
  CHECK(core.transfers_out > 0);
  --core.transfers_out;
  core.delivery = delivery;
  core.audit.add(reactor_.now(), CommandEvent::kTransferDone, static_cast<std::uint32_t>(delivery));
  if (delivery == Delivery::kDelivered) {
    core.moved += core.transfer_length;
    if (core.status_sent) [[likely]] {
      core.audit.add(reactor_.now(), CommandEvent::kCompleted, 0);
      count(command, false);
      let_go(command, true);
      return;
    }
  } else if (!core.aborted) {
    core.status_sent = false;
    core.state = CommandState::kActive;
    const bool told = command.transfer_failure.key != SenseKey::kNoSense;
    const SenseCode code = told ? command.transfer_failure : kDataPhaseError;
    const bool block = command.failed_block_known && code.asc == kLogicalBlockGuardCheckFailed.asc;
    complete(command, block ? Outcome::check(code, command.failed_block) : Outcome::check(code));
    return;
  }
  resume(command);
}

}  // namespace scsi
