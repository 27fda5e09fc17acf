// A connection's way out of its session: its tasks, its requests, and who waits for that (RFC 7143 7.4, 7.5).
#include <utility>
#include <vector>

#include "base/check.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

void Connection::leave() {
  if (leaving_ || suspended_ || session_ == nullptr || session_->ending()) return;
  if (may_suspend()) {
    suspend();
  } else {
    leave_for_good();
  }
}

void Connection::leave_for_good() {
  if (leaving_ || session_ == nullptr || session_->ending()) return;
  if (!session_->outlives(*this)) {
    session_->drop();
    return;
  }
  if (live() && !announced_) session_->report_drop(*this, false);
  if (phase_ == Phase::kFullFeature) close(kLinger);
  suspended_ = false;
  end_tasks();
  leaving_ = true;
  leave_if_quiet();
}

void Connection::leave_unannounced() {
  announced_ = true;
  leave();
}

// RFC 7143 7.5: the tasks of the connection are ended; those that the core has, when it says so.
void Connection::end_tasks() {
  fenced_ = false;
  session_->forget_requests(*this);
  std::vector<Task*> with_core;
  session_->tasks.for_each([&](Task& task) {
    if (task.connection != this) return;
    if (task.place != TaskPlace::kCore) {
      drop(task);
      return;
    }
    task.odd |= Task::kOrphan;
    with_core.push_back(&task);
  });
  orphans_ = static_cast<std::uint32_t>(with_core.size());
  for (Task* const task : with_core) {
    if (task->place == TaskPlace::kCore && (task->odd & Task::kOrphan) != 0) session_->abort(*task);
  }
}

void Connection::leave_if_quiet() {
  if (!leaving_ || orphans_ != 0 || session_->ending()) return;
  if (phase_ == Phase::kLoggingOut) answer_logout(logout_tag_, kLoggedOut);
  if (logout_asker_ != nullptr && logout_asker_->live()) logout_asker_->answer_logout(logout_asker_tag_, kLoggedOut);
  logout_asker_ = nullptr;
  leaving_ = false;
  nexus_ = nullptr;
  Session& session = *std::exchange(session_, nullptr);
  close(kLinger);
  shard_.reap_soon(*this);
  session.detach(*this);
  run_reassignments();  // there is nothing to take over
}

void Connection::forget(const Connection& gone) {
  if (logout_asker_ == &gone) logout_asker_ = nullptr;
  std::erase_if(reassignments_, [&gone](const auto& each) { return each.by == &gone; });
}

// Called once, when the session ends for whatever reason.
void Connection::session_ending() {
  fenced_ = false;
  if (phase_ == Phase::kFullFeature) close(kLinger);
}

void Connection::session_quiet() {
  CHECK(session_->tasks.size() == 0);
  if (phase_ == Phase::kLoggingOut) answer_logout(logout_tag_, kLoggedOut);
  session_ = nullptr;
  nexus_ = nullptr;
  leaving_ = suspended_ = false;
  logout_asker_ = nullptr;
  reassignments_.clear();
  close(kLinger);
  shard_.reap_soon(*this);
}

}  // namespace iscsi
