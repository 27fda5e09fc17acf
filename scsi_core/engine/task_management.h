// One task management function at work: answered once, when nothing it affects can still touch the medium, or with
// FUNCTION REJECTED when its limit is over.
#pragma once

#include <set>

#include "base/intrusive_list.h"
#include "hal/timer.h"
#include "scsi_core/engine/abort.h"
#include "scsi_core/engine/router.h"

namespace scsi {

// Deletes itself when all its parts are over; lives on the nexus' reactor. It may outlive its request and its nexus:
// then it only cleans up.
class TaskFunctionJob : public base::ListHook<TaskFunctionJob> {
 public:
  TaskFunctionJob(Router& router, TaskManagement& request);
  void start();
  void abandon();  // the nexus is lost
  const Nexus* nexus() const { return nexus_; }

 private:
  TmfResponse begin();
  void abort_task();
  void abort_task_set();
  void clear_task_set(LogicalUnit& lu);
  void reset_unit(LogicalUnit& lu, ResetCause cause);
  void unit_quiet(LogicalUnit& lu, ResetCause cause);
  void reset_target();
  void reset_nexus();
  void part_over();
  void answer(TmfResponse response);
  static void limit_over(void* context);
  Command* find_task() const;
  LuShard* find_shard() const;
  bool any_task() const;
  AbortOrder order() const;

  Router& router_;
  TaskManagement* request_;  // null once answered
  Nexus* nexus_;
  TaskFunction function_;
  LogicalUnit* lu_ = nullptr;
  ItlNexus* itl_ = nullptr;
  NexusKey key_;
  TmfResponse response_ = TmfResponse::kFunctionComplete;
  std::size_t parts_ = 1;
  std::set<LogicalUnit*> held_;  // logical units whose newer commands wait for this reset
  hal::Timer timer_;
};

}  // namespace scsi
