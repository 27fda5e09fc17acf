// Hops of a command to its logical unit's home reactor and back.
#include "base/check.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/execution.h"

namespace scsi {
namespace {

Command& command_of(hal::Message& message) { return static_cast<CommandMessage&>(message).command; }

void back(hal::Message& message) {
  Command& command = command_of(message);
  CoreState& core = command.core;
  core.audit.add(router_of(command).reactor().now(), CommandEvent::kHomeDone);
  if (core.home_failed && !core.aborted) {
    core.state = CommandState::kActive;
    complete(command, core.outcome);
  } else {
    resume(command);
  }
}

void send_back(Command& command) {
  command.core.message.run = &back;
  command.nexus->reactor.post(command.core.message);
}

void visit(hal::Message& message) {
  Command& command = command_of(message);
  command.core.remote(command);
  send_back(command);
}

void visit_and_stay(hal::Message& message) { command_of(message).core.remote(command_of(message)); }

void leave_for_home(Command& command, Step work, Step then) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive && core.lu != nullptr);
  core.state = CommandState::kHome;
  core.remote = work;
  core.next = then;
  core.home_failed = false;
  core.home_waits = false;
  core.step_at = command.nexus->reactor.now();
  core.audit.add(core.step_at, CommandEvent::kHomeAsked);
}

}  // namespace

void at_home(Command& command, Step work, Step then) {
  leave_for_home(command, work, then);
  hal::Reactor& home = command.core.lu->home();
  if (&home == &command.nexus->reactor) {
    work(command);
    back(command.core.message);
  } else {
    command.core.message.run = &visit;
    home.post(command.core.message);
  }
}

void at_home_async(Command& command, Step work, Step then) {
  leave_for_home(command, work, then);
  command.core.home_waits = true;
  hal::Reactor& home = command.core.lu->home();
  if (&home == &command.nexus->reactor) {
    work(command);
  } else {
    command.core.message.run = &visit_and_stay;
    home.post(command.core.message);
  }
}

void fail_at_home(Command& command, const Outcome& outcome) {
  command.core.outcome = outcome;
  command.core.home_failed = true;
  if (command.core.home_waits) send_back(command);
}

void home_done(Command& command) { send_back(command); }

}  // namespace scsi
