// Task management over all connections of a session (RFC 7143 4.2.3.3, 11.5, 11.6).
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/session.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

void Session::run_waiting_management() {
  if (management.empty()) return;
  ManagementRequest* ready;
  do {
    ready = management.find_if([this](const ManagementRequest& request) {
      return request.waiting && !pdu::serial_less(window.expected(), request.cmd_sn);
    });
    if (ready != nullptr) {
      ready->waiting = false;
      execute(*ready);
    }
  } while (ready != nullptr);
}

void Session::execute(ManagementRequest& request) {
  if (request.wire_function == ManagementFunction::kAbortTask && !request.own && abort_task(request)) return;
  request.last_task = commands;
  shard_.router().task_management_request_received(request);
}

// ABORT TASK for a task that the core does not have. True: it is answered.
bool Session::abort_task(ManagementRequest& request) {
  const auto tag = static_cast<std::uint32_t>(request.tag);
  if (Task* const task = tasks.find(tag)) {
    if (task->place == TaskPlace::kCore) return false;
    if (task->place == TaskPlace::kHeld) held.forget(*task);
    task->connection->drop(*task);
    management_executed(request, ManagementAnswer::kFunctionComplete);
    return true;
  }
  // RFC 7143 11.6.1 b, c: not arrived yet counts as arrived from now on, or does already; else there is no such task.
  const std::uint32_t number = request.referenced_cmd_sn;
  if (window.place(number) == CommandWindow::Place::kOutside || !pdu::serial_less(number, request.cmd_sn)) {
    management_executed(request, ManagementAnswer::kTaskDoesNotExist);
    return true;
  }
  if (!held.has(number)) {
    held.add({.cmd_sn = number, .connection = nullptr, .task = nullptr, .pdu = nullptr});
    run_held();
  }
  management_executed(request, ManagementAnswer::kFunctionComplete);
  return true;
}

void Session::abort(Task& task) {
  auto& request = *new ManagementRequest;  // bounded by the tasks
  request.nexus = nexus_;
  request.function = scsi::TaskFunction::kAbortTask;
  request.lun = task.scsi::Command::lun;
  request.tag = task.tag;
  request.wire_function = ManagementFunction::kAbortTask;
  request.own = true;
  management.push_back(request);
  execute(request);
}

// What the core no longer has of the tasks that a function has ended; those that came after it are not affected.
void Session::abort_own_tasks(const ManagementRequest& request) {
  const bool all = affects_all_units(request.wire_function);
  tasks.for_each([&](Task& task) {
    if (task.place != TaskPlace::kDraining || task.number > request.last_task) return;
    if (all || task.scsi::Command::lun == request.lun) task.connection->drop(task);
  });
}

void Session::management_executed(ManagementRequest& request, ManagementAnswer answer) {
  const bool ended_tasks =
      answer == ManagementAnswer::kFunctionComplete && affects_task_sets(request.wire_function) && !ending_;
  if (ended_tasks) abort_own_tasks(request);
  if (ended_tasks && raise_fence(request)) {
    request.fenced = true;
    return;
  }
  retire(request, answer);
}

void Session::retire(ManagementRequest& request, ManagementAnswer answer) {
  if (request.immediate) --immediate_in_hand;
  if (!request.immediate && !request.own) window.release();
  static_cast<base::ListHook<ManagementRequest>&>(request).unlink();
  if (request.connection != nullptr) request.connection->management_answered(request, answer);
  delete &request;
}

// RFC 7143 4.2.3.3, target e: what the other connections were told of the tasks that are now ended must have arrived
// there before this answer does here. True: it has to wait.
bool Session::raise_fence(const ManagementRequest& request) {
  bool waits = false;
  if (request.connection == nullptr || connections_.size() == 1) return false;
  for (Connection* const each : connections_) {
    if (each != request.connection && each->live()) waits = each->ask_acknowledgement() || waits;
  }
  return waits;
}

void Session::fence_passed() {
  if (management.empty()) return;
  for (const Connection* const each : connections_) {
    if (each->fenced()) return;
  }
  management.for_each([this](ManagementRequest& request) {
    if (request.fenced) retire(request, ManagementAnswer::kFunctionComplete);
  });
}

void Session::forget_requests(Connection& connection) {
  held.forget(connection);
  management.for_each([&](ManagementRequest& request) {
    if (request.connection != &connection) return;
    request.connection = nullptr;
    if (request.waiting || request.fenced) retire(request, ManagementAnswer::kFunctionRejected);
  });
}

}  // namespace iscsi
