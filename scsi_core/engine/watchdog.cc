// What happens past a deadline: the logical unit goes offline, or the nexus is ended.
#include "scsi_core/engine/watchdog.h"

#include "base/log.h"
#include "scsi_core/engine/abort.h"
#include "scsi_core/engine/router.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("core");
constexpr int kLooksPerLimit = 4;

// New commands that need the medium are refused from now on. Those that are with the backstore are answered when it
// lets go of them.
void take_offline(LogicalUnit& lu, const char* what) {
  if ((lu.flags.fetch_or(kLuFailed, std::memory_order_relaxed) & kLuFailed) != 0) return;
  kLog.error("{}: offline, {} has not answered within the limit: {}", lu.config().name, what,
             lu.backstore().describe());
}

}  // namespace

Watchdog::Watchdog(Router& router) : router_(router), timer_(&Watchdog::look, this) {}

void Watchdog::start() {
  if (timer_.armed()) return;
  const base::Duration limit = router_.fleet().options().command_limit;
  timer_.arm(router_.reactor().timers(), router_.reactor().now() + limit / kLooksPerLimit);
}

void Watchdog::look(void* context) {
  auto& self = *static_cast<Watchdog*>(context);
  const base::Time now = self.router_.reactor().now();
  const auto look_at = [&](Command& command) { self.look_at(command, now); };
  self.router_.shards().for_each([&](LuShard& shard) { shard.commands.for_each(look_at); });
  self.router_.without_unit().for_each(look_at);
  self.start();
}

void Watchdog::look_at(Command& command, base::Time now) {
  CoreState& core = command.core;
  if (now - core.step_at < router_.fleet().options().command_limit) return;
  switch (core.state) {
    case CommandState::kStore:
      return take_offline(*core.lu, "the backstore");
    case CommandState::kHome:
      return take_offline(*core.lu, "its home");
    case CommandState::kDataIn:
    case CommandState::kDataOut:
      return router_.end_nexus(*command.nexus);
    case CommandState::kMemory:
      return abort_command(command, Outcome::of(Status::kBusy), 0);
    default:
      return;  // waits for other commands, which have limits of their own
  }
}

}  // namespace scsi
