// Task management functions (SAM-5 7).
#include "scsi_core/engine/task_management.h"

#include <utility>

#include "base/log.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/reservation/reservations.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("core");

}  // namespace

void Router::task_management_request_received(TaskManagement& function) {
  auto* const job = new TaskFunctionJob(*this, function);
  functions_.push_back(*job);
  job->start();
}

void Router::abandon_functions(Nexus& nexus) {
  functions_.for_each([&](TaskFunctionJob& job) {
    if (job.nexus() == &nexus) job.abandon();
  });
}

TaskFunctionJob::TaskFunctionJob(Router& router, TaskManagement& request)
    : router_(router),
      request_(&request),
      nexus_(request.nexus),
      function_(request.function),
      key_(request.nexus->key),
      timer_(&TaskFunctionJob::limit_over, this) {
  const std::uint32_t lun = request.lun.number();
  itl_ = nexus_->itl(lun);
  const LunMapEntry* const entry = nexus_->map().find(lun);
  lu_ = entry == nullptr ? nullptr : entry->lu;
}

void TaskFunctionJob::start() {
  timer_.arm(router_.reactor().timers(), router_.reactor().now() + router_.fleet().options().task_management_limit);
  response_ = begin();
  part_over();
}

// Starts the parts; returns the answer that holds when they are over, unless they change it.
TmfResponse TaskFunctionJob::begin() {
  switch (function_) {
    case TaskFunction::kITNexusReset:
      reset_nexus();
      return TmfResponse::kFunctionComplete;
    case TaskFunction::kTargetReset:
      reset_target();
      return TmfResponse::kFunctionComplete;
    case TaskFunction::kClearAca:
      return TmfResponse::kNotSupported;
    case TaskFunction::kAbortTask:
      if (find_task() != nullptr) {
        abort_task();
        return TmfResponse::kFunctionComplete;
      }
      return lu_ == nullptr ? TmfResponse::kIncorrectLun : TmfResponse::kTaskDoesNotExist;
    default:
      break;
  }
  if (lu_ == nullptr) return TmfResponse::kIncorrectLun;
  bool found = false;
  switch (function_) {
    case TaskFunction::kAbortTaskSet:
      abort_task_set();
      break;
    case TaskFunction::kClearTaskSet:
      clear_task_set(*lu_);
      break;
    case TaskFunction::kLogicalUnitReset:
      reset_unit(*lu_, ResetCause::kLogicalUnitReset);
      break;
    case TaskFunction::kQueryTask:
      found = find_task() != nullptr && !find_task()->core.aborted;
      break;
    case TaskFunction::kQueryTaskSet:
      found = any_task();
      break;
    case TaskFunction::kQueryAsynchronousEvent:
      found = itl_ != nullptr && !itl_->attentions.empty();
      break;
    default:
      return TmfResponse::kNotSupported;
  }
  return found ? TmfResponse::kFunctionSucceeded : TmfResponse::kFunctionComplete;
}

AbortOrder TaskFunctionJob::order() const {
  AbortOrder order;
  order.by = key_;
  order.reason = static_cast<std::uint8_t>(function_);
  return order;
}

// The LUN may be written in another way than in the command, and may have shown another logical unit when that came, or
// none: new views end no command.
Command* TaskFunctionJob::find_task() const {
  const std::uint32_t number = request_->lun.number();
  const auto is_it = [&](const Command& command) {
    const bool same_lun = command.lun == request_->lun || (number != Lun::kNone && command.lun.number() == number);
    return command.nexus == nexus_ && command.tag == request_->tag && same_lun;
  };
  Command* found = router_.without_unit().find_if(is_it);
  router_.shards().for_each([&](LuShard& shard) {
    if (found == nullptr) found = shard.commands.find_if(is_it);
  });
  return found;
}

// Where the unit's commands are: also those that came by a view that has gone, when nothing has come by the new one
// yet.
LuShard* TaskFunctionJob::find_shard() const {
  return router_.shards().find_if([&](const LuShard& shard) { return &shard.lu == lu_; });
}

bool TaskFunctionJob::any_task() const {
  LuShard* const shard = find_shard();
  return shard != nullptr && shard->commands.find_if([&](const Command& command) {
    return command.nexus == nexus_ && !command.core.aborted;
  }) != nullptr;
}

void TaskFunctionJob::abort_task() {
  AbortOrder which = order();
  which.only = find_task();
  ++parts_;
  const auto quiet = [this](bool all_aborted) {
    // It ended by itself before the abort reached it.
    if (!all_aborted) response_ = TmfResponse::kTaskDoesNotExist;
    part_over();
  };
  const CoreState& task = which.only->core;
  if (task.itl == nullptr) {
    router_.abort_without_unit(which, quiet);
    return;
  }
  LuHome& home = task.lu->at_home();
  home.pin();
  task.shard->abort(which, [quiet, &home](bool all_aborted) {
    quiet(all_aborted);
    home.unpin();
  });
}

void TaskFunctionJob::abort_task_set() {
  LuShard* const shard = find_shard();
  if (shard == nullptr) return;
  AbortOrder which = order();
  which.nexus = nexus_;
  ++parts_;
  LuHome& home = lu_->at_home();
  home.pin();
  shard->abort(which, [this, &home](bool) {
    part_over();
    home.unpin();
  });
}

void TaskFunctionJob::clear_task_set(LogicalUnit& lu) {
  AbortOrder which = order();
  which.attention_for_losers = kCommandsClearedByAnotherInitiator;
  ++parts_;
  abort_everywhere(lu, router_.reactor(), which, [this] { part_over(); });
}

// SAM-5 6.3.3. Newer commands wait until the device server has been reset too, so that none sees half of it.
void TaskFunctionJob::reset_unit(LogicalUnit& lu, ResetCause cause) {
  AbortOrder which = order();
  which.attention_for_all = kBusDeviceResetFunctionOccurred;
  which.hold = true;
  ++parts_;
  lu.at_home().pin();
  held_.insert(&lu);
  abort_everywhere(lu, router_.reactor(), which, [this, &lu, cause] { unit_quiet(lu, cause); });
}

void TaskFunctionJob::unit_quiet(LogicalUnit& lu, ResetCause cause) {
  const bool in_time = held_.erase(&lu) != 0;
  lu.home().post_function([this, &lu, cause, in_time] {
    hal::Reactor& origin = router_.reactor();
    const auto over = [this, &lu, &origin] {
      origin.post_function([this, &lu] {
        lu.at_home().unpin();
        part_over();
      });
    };
    if (!in_time) return over();  // it was answered as rejected, and the hold is released
    // Nothing is stuck any more, so a deadline that was missed is history; a medium that is gone will say so again.
    if ((lu.flags.fetch_and(~std::uint32_t{kLuFailed}, std::memory_order_relaxed) & kLuFailed) != 0) {
      kLog.info("{}: online again after a reset", lu.config().name);
    }
    lu.server().reset(lu, cause);
    lu.reservations().reset();
    lu.fleet().on_each(
        lu.home(), [&lu](std::size_t index) { lu.shard(index).release_hold(); }, over);
  });
}

void TaskFunctionJob::reset_target() {
  std::set<LogicalUnit*> units;
  for (const LunMapEntry& entry : nexus_->map().entries()) units.insert(entry.lu);
  for (LogicalUnit* lu : units) reset_unit(*lu, ResetCause::kTargetReset);
}

// SAM-5 6.3.4 for a nexus that stays.
void TaskFunctionJob::reset_nexus() {
  AbortOrder which = order();
  which.nexus = nexus_;
  ++parts_;
  router_.abort_without_unit(which, [this](bool) { part_over(); });
  router_.for_each_itl(*nexus_, [&](ItlNexus& itl) {
    LogicalUnit& lu = *itl.lu;
    ++parts_;
    lu.at_home().pin();
    itl.attentions.establish(kITNexusLossOccurred);
    itl.shard->abort(which, [this, &lu](bool) {
      lu.home().post_function([this, &lu] {
        lu.server().nexus_lost(lu, key_);
        lu.reservations().nexus_lost(key_);
        router_.reactor().post_function([this, &lu] {
          lu.at_home().unpin();
          part_over();
        });
      });
    });
  });
}

void TaskFunctionJob::part_over() {
  if (--parts_ != 0) return;
  answer(response_);
  unlink();
  delete this;
}

void TaskFunctionJob::answer(TmfResponse response) {
  timer_.disarm();
  if (request_ == nullptr) return;
  TaskManagement& request = *std::exchange(request_, nullptr);
  router_.answer_function(*std::exchange(nexus_, nullptr), request, response);
}

void TaskFunctionJob::abandon() { answer(TmfResponse::kFunctionRejected); }

void TaskFunctionJob::limit_over(void* context) {
  auto& job = *static_cast<TaskFunctionJob*>(context);
  job.answer(TmfResponse::kFunctionRejected);
  // What is stuck stays aborted; what is newer must not wait for it.
  for (LogicalUnit* lu : job.held_) {
    lu->fleet().on_each(
        job.router_.reactor(), [lu](std::size_t index) { lu->shard(index).release_hold(); }, nullptr);
  }
  job.held_.clear();
}

}  // namespace scsi
