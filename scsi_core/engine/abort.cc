// Aborting: a command is marked, and ends as soon as the core holds it; each kind of wait is left to end by itself.
#include "scsi_core/engine/abort.h"

#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/inject.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"

namespace scsi {
namespace {

bool same_nexus(const AbortOrder& order, const Command& command) {
  return order.by.has_value() && *order.by == command.nexus->key;
}

// What the initiator of a command that somebody aborts is told; nothing: it is dropped.
std::optional<Outcome> report_for(const AbortOrder& order, const Command& command) {
  if (order.report.has_value()) return order.report;
  if (!order.tell || same_nexus(order, command)) return std::nullopt;
  if ((command.core.lu->flags.load(std::memory_order_relaxed) & kLuTaskAborted) == 0) return std::nullopt;
  return Outcome::of(Status::kTaskAborted);
}

}  // namespace

bool selects(const AbortOrder& order, const Command& command) {
  if (order.only != nullptr && order.only != &command) return false;
  if (order.nexus != nullptr && order.nexus != command.nexus) return false;
  if (order.except == &command) return false;
  return !order.filter || order.filter(command.nexus->key);
}

void abort_command(Command& command, std::optional<Outcome> report, std::uint8_t reason) {
  CoreState& core = command.core;
  Router& router = router_of(command);
  if (!core.aborted) {
    core.aborted = true;
    core.abort_reports = report.has_value();
    if (report.has_value()) core.abort_outcome = *report;
    core.audit.add(router.reactor().now(), CommandEvent::kAbortAsked, reason);
    if (core.transfers_out > 0) return command.nexus->port.terminate_data_transfer(command);
  }
  switch (core.state) {
    case CommandState::kWaiting:
      return end_aborted(command);
    case CommandState::kMemory:
      router.memory(command.nexus->port.buffers()).cancel(command);
      return end_aborted(command);
    case CommandState::kDelayed:
      router.injector().cancel(command);
      return end_aborted(command);
    case CommandState::kActive:
      if (!core.deferred.linked()) return;  // its handler is running
      core.deferred.unlink();
      return end_aborted(command);
    case CommandState::kDataIn:
    case CommandState::kDataOut:
    case CommandState::kStore:
    case CommandState::kHome:
    case CommandState::kStatus:
    case CommandState::kFree:
      return;  // ended by the answer that is owed
  }
}

AbortWaits::~AbortWaits() {
  while (Wait* wait = waits_.pop_front()) delete wait;
}

void AbortWaits::sweep(base::IntrusiveList<Command, TaskSetTag>& commands, const AbortOrder& order, Quiet quiet) {
  auto* const wait = new Wait;  // deleted when it is over
  wait->quiet = std::move(quiet);
  waits_.push_back(*wait);
  const std::optional<SenseCode>& lost = order.attention_for_losers;
  commands.for_each([&](Command& command) {
    if (!selects(order, command)) return;
    if (order.wait_for_home || command.core.state != CommandState::kHome) wait->left.insert(&command);
    const std::optional<Outcome> report = report_for(order, command);
    if (lost.has_value() && !report.has_value() && !same_nexus(order, command)) {
      command.core.itl->attentions.establish(*lost);
    }
    abort_command(command, report, order.reason);
  });
  wait->sweeping = false;
  end_if_over(*wait);
}

void AbortWaits::ended(const Command& command, bool completed) {
  waits_.for_each([&](Wait& wait) {
    if (wait.left.erase(&command) == 0) return;
    wait.all_aborted &= !completed;
    end_if_over(wait);
  });
}

void AbortWaits::end_if_over(Wait& wait) {
  if (wait.sweeping || !wait.left.empty()) return;
  wait.unlink();
  reactor_.post_function([quiet = std::move(wait.quiet), all = wait.all_aborted] { quiet(all); });
  delete &wait;
}

void LuShard::abort(const AbortOrder& order, AbortWaits::Quiet quiet) {
  if (order.hold) hold();
  ++special_;  // so that leave() looks at the waits
  waits_.sweep(commands, order, [this, quiet = std::move(quiet)](bool all_aborted) {
    --special_;
    quiet(all_aborted);
  });
  if (order.attention_for_all.has_value()) {
    itls.for_each([&](ItlNexus& itl) { itl.attentions.establish(*order.attention_for_all); });
  }
}

void abort_everywhere(LogicalUnit& lu, hal::Reactor& origin, const AbortOrder& order, std::function<void()> done) {
  LuHome& home = lu.at_home();
  home.pin();
  lu.fleet().ask_each(
      origin,
      [&lu, order](std::size_t index, const Fleet::Answer& answer) {
        LuShard* const shard = order.hold ? &lu.shard(index) : lu.shard_if_any(index);
        if (shard == nullptr) return answer();
        shard->abort(order, [answer](bool) { answer(); });
      },
      [&home, done = std::move(done)] {
        done();
        home.unpin();
      });
}

}  // namespace scsi
