// Error recovery level 2 (RFC 7143 7.1.4.4, 7.2.2, 11.5): the tasks of a connection that is over wait, for Time2Wait
// and Time2Retain, until another one takes them over by TASK REASSIGN.
//
// The connection object stays attached to its session meanwhile, closed. Transfers that the core has asked for are not
// answered; what was read is kept by then, so that it is sent anew, and write data that has not come is asked for by
// R2T. Where the standard leaves a choice: unsolicited data that nobody had fetched yet is asked for anew, too; the
// command itself is never given to the core again. Other requests than SCSI commands have no allegiance to give away.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

bool Connection::may_suspend() const {
  return recovery_ != nullptr && nexus_ != nullptr && phase_ == Phase::kFullFeature && !leaving_ &&
         session_->parameters.error_recovery_level == 2 && session_->parameters.time2retain != 0 &&
         !session_->ending() && !recovery_->too_many();
}

void Connection::suspend(base::Duration linger) {
  suspended_ = true;
  fenced_ = false;
  text_.reset();
  session_->forget_requests(*this);
  if (!announced_) session_->report_drop(*this, true);
  close(linger);
  session_->tasks.for_each([this](Task& task) {
    if (task.connection == this && task.place == TaskPlace::kHeld) drop(task);  // has not come, and may come again
  });
  const auto keep_for = std::chrono::seconds(session_->parameters.time2wait + session_->parameters.time2retain);
  timer_.arm(shard_.reactor().timers(), shard_.reactor().now() + keep_for);
  session_->let_oldest_go();
  session_->tell_window();
  session_->fence_passed();
}

bool Connection::owes_anything() const {
  bool owes = recovery_->owes_scsi_response() || !owed_.answers.empty();
  session_->tasks.for_each([&](const Task& task) { owes = owes || task.connection == this; });
  return owes;
}

void Connection::let_go() {
  suspended_ = false;
  timer_.disarm();
  nexus_ = nullptr;
  session_ = nullptr;
  shard_.reap_soon(*this);
}

void Connection::let_go_soon() { timer_.arm(shard_.reactor().timers(), shard_.reactor().now()); }

void Connection::log_out_for_recovery() {
  logged_out_ = announced_ = true;
  if (may_suspend()) {
    suspend();
  } else if (!suspended_) {
    leave();  // its tasks are ending already
  } else if (closed_) {
    suspended_is_closed();
  }
}

void Connection::suspended_is_closed() {
  if (!logged_out_) return;
  if (logout_asker_ != nullptr && logout_asker_->live()) logout_asker_->answer_logout(logout_asker_tag_, kLoggedOut);
  logout_asker_ = nullptr;
  run_reassignments();
  session_->retry_joining();
}

void Connection::run_reassignments() {
  for (const Reassignment& each : std::exchange(reassignments_, {})) {
    if (each.by->live()) each.by->execute_reassign(each.request);
  }
}

// --- transfers ---

// True: the transfer failed because the connection did, and goes on when another takes over.
bool Connection::hold_answer(Task& task, hal::DataStatus status) {
  if (task.sent != nullptr) delivered(task);
  const bool in = task.direction == scsi::DataDirection::kIn;
  if (status == hal::DataStatus::kDone && !in) {
    task.fetched = static_cast<std::uint32_t>(task.fetching.offset + task.fetching.length);
  }
  const bool waits = suspended_ || may_suspend();
  if (status != hal::DataStatus::kFailed || !waits || session_->ending() ||
      task.transfer_failure != scsi::SenseCode{} || (in && task.sent->incomplete())) {
    return false;
  }
  ++task.held_answers;
  return true;
}

void Connection::terminate_data_transfer(Task& task) {
  if (task.held_answers != 0) answer_held(task, scsi::Delivery::kTerminated);
  datamover_->terminate_data(task);
}

// From the poll loop, as every answer.
void Connection::answer_held(Task& task, scsi::Delivery delivery) {
  for (; task.held_answers != 0; --task.held_answers) owed_.answers.emplace_back(&task, delivery);
  if (!owed_.linked()) shard_.reactor().defer(owed_);
}

void Connection::give_owed() {
  for (const auto& [task, delivery] : std::exchange(owed_.answers, {})) {
    CHECK(task->transfers_out > 0);
    --task->transfers_out;
    if (delivery != scsi::Delivery::kDelivered) task->status_in_data = false;
    const bool ends = task->status_in_data && task->transfers_out == 0;
    if (task->direction == scsi::DataDirection::kIn) {
      shard_.router().data_in_delivered(*task, delivery);
    } else {
      shard_.router().data_out_received(*task, delivery);
    }
    if (ends) task->connection->complete(*task);
  }
}

// --- TASK REASSIGN ---

void Connection::receive_reassign(const hal::ControlPdu& pdu) {
  consume(pdu);
  execute_reassign(pdu.as<pdu::TaskManagementRequest>());
  session_->let_idle_go();
}

// RFC 7143 7.2.2: after the Logout Response a task may be reassigned; what the old connection still has under way is
// over in a moment.
void Connection::execute_reassign(const pdu::TaskManagementRequest& request) {
  Task* task = nullptr;
  Connection* from = nullptr;
  const ManagementAnswer answer = reassign(request, task, from);
  if (answer == ManagementAnswer::kTaskStillAllegiant && from->suspended_ && from->logged_out_ &&
      from->reassignments_.size() < kMostReassignments) {
    from->reassignments_.push_back({.by = this, .request = request});
    return;
  }
  send_management_response(request.initiator_task_tag, answer);  // before it becomes effective
  if (answer != ManagementAnswer::kFunctionComplete) return;
  if (task != nullptr) {
    take_over(*task, *from, request.exp_data_sn);
  } else {
    take_over_status(*from, request);
  }
}

// Live tasks first; then responses that were not acknowledged: such a task is not over for the initiator.
ManagementAnswer Connection::reassign(const pdu::TaskManagementRequest& request, Task*& task, Connection*& from) {
  const SentData* sent = nullptr;
  task = session_->tasks.find(request.referenced_task_tag);
  if (task != nullptr) {
    if ((task->odd & Task::kOrphan) != 0) return ManagementAnswer::kTaskDoesNotExist;  // is being ended
    from = task->connection;
    sent = task->sent.get();
  } else {
    for (Connection* const each : session_->connections()) {
      const SentStatus* const status =
          each->recovery_ != nullptr ? each->recovery_->find(request.referenced_task_tag) : nullptr;
      if (status == nullptr) continue;
      from = each;
      sent = status->read.get();
    }
    if (from == nullptr) return ManagementAnswer::kTaskDoesNotExist;
  }
  if (!from->free_to_reassign()) return ManagementAnswer::kTaskStillAllegiant;
  // Not all of its data could be kept.
  if (sent != nullptr && sent->incomplete()) return ManagementAnswer::kFunctionRejected;
  return ManagementAnswer::kFunctionComplete;
}

void Connection::take_over(Task& task, Connection& from, std::uint32_t exp_data_sn) {
  from.datamover_->end_task(task);
  task.connection = this;
  SentData* const sent = task.sent.get();
  if (sent != nullptr) {
    from.recovery_->give(sent->bytes());
    // 11.5.6: any other value is ignored.
    if (exp_data_sn > sent->acknowledged() && exp_data_sn <= task.data_sn) sent->acknowledge(exp_data_sn);
    sent->snack_tag = 0;
    sent->resend_owed = false;
    task.data_sn = sent->resegment(parameters_.datamover_keys());
    recovery_->take(sent->bytes());
  }
  const bool fetches = task.held_answers != 0 && task.direction != scsi::DataDirection::kIn;
  const auto begin = static_cast<std::uint32_t>(task.fetching.offset);
  const std::uint32_t placed = fetches && task.placing ? std::max(task.arrived, begin) : task.fetched;
  datamover_->resume_task(task, placed);
  if (sent != nullptr) resend_data(task.initiator_task_tag, *sent, {sent->acknowledged(), task.data_sn});
  if (fetches) {
    task.held_answers = 0;
    datamover_->get_data(task, task.fetching.segments, begin, static_cast<std::uint32_t>(task.fetching.length));
  } else {
    answer_held(task, scsi::Delivery::kDelivered);
  }
  if (task.place == TaskPlace::kDraining) respond(task);
}

void Connection::take_over_status(Connection& from, const pdu::TaskManagementRequest& request) {
  SentStatus status = from.recovery_->extract(request.referenced_task_tag);
  auto& response = reinterpret_cast<pdu::ScsiResponse&>(status.header);
  response.snack_tag = 0;
  if (SentData* const sent = status.read.get()) {
    const std::uint32_t exp_data_sn = request.exp_data_sn;
    if (exp_data_sn > sent->acknowledged() && exp_data_sn <= response.exp_data_sn) sent->acknowledge(exp_data_sn);
    response.exp_data_sn = sent->resegment(parameters_.datamover_keys());
    recovery_->take(sent->bytes());
    resend_data(response.initiator_task_tag, *sent, {sent->acknowledged(), response.exp_data_sn});
  }
  stamp(response);
  datamover_->send(response, status.data);
  keep(status.header, status.data, std::move(status.read));
}

}  // namespace iscsi
