// The obedient SCSI core.
#include "tests/unit/iscsi/fake_router.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace iscsi {
namespace {

scsi::Router& no_router() {  // a reference to bind; nothing looks behind it
  static std::byte nothing[16];
  return reinterpret_cast<scsi::Router&>(nothing);
}

}  // namespace

FakeRouter::~FakeRouter() {
  EXPECT_TRUE(commands.empty()) << "commands left";
  EXPECT_TRUE(functions.empty()) << "task management left";
  EXPECT_TRUE(nexuses.empty()) << "nexuses left";
  if (quiet_.linked()) quiet_.unlink();
}

scsi::Command& FakeRouter::command(std::uint64_t tag) {
  const auto at = std::find_if(commands.begin(), commands.end(), [tag](const auto* each) { return each->tag == tag; });
  if (at == commands.end()) throw std::out_of_range("no such command");
  return **at;
}

void FakeRouter::forget(scsi::Command& command) { std::erase(commands, &command); }

void FakeRouter::complete(scsi::Command& command, scsi::Status status) {
  command.response.status = status;
  forget(command);
  command.nexus->port.send_command_complete(command);
}

void FakeRouter::drop(scsi::Command& command) {
  forget(command);
  command.nexus->port.drop_command(command);
}

void FakeRouter::send(scsi::Command& command, std::span<std::byte> data, bool with_status, std::uint64_t offset) {
  transfers_.push_back({&command, std::make_unique<hal::DmaSpan>(hal::DmaSpan{data, {}}), with_status});
  const std::span<const hal::DmaSpan> segments(transfers_.back().segment.get(), 1);
  if (with_status) command.response.status = scsi::Status::kGood;
  command.nexus->port.send_data_in(
      command, {.segments = segments, .offset = offset, .length = data.size(), .with_status = with_status});
}

void FakeRouter::receive(scsi::Command& command, std::span<std::byte> into, std::uint64_t offset) {
  transfers_.push_back({&command, std::make_unique<hal::DmaSpan>(hal::DmaSpan{into, {}}), false});
  const std::span<const hal::DmaSpan> segments(transfers_.back().segment.get(), 1);
  command.nexus->port.receive_data_out(
      command, {.segments = segments, .offset = offset, .length = into.size(), .with_status = false});
}

void FakeRouter::answer(scsi::TaskManagement& function, scsi::TmfResponse response) {
  std::erase(functions, &function);
  function.nexus->port.task_management_function_executed(function, response);
}

scsi::Nexus& FakeRouter::nexus_established(scsi::TargetPort& port, const scsi::TransportId& initiator, void* context) {
  nexuses.push_back(std::make_unique<scsi::Nexus>(no_router(), port, reactor_, initiator, context));
  return *nexuses.back();
}

void FakeRouter::nexus_lost(scsi::Nexus& nexus) {
  lost.push_back(nexus.key.initiator.name);
  ending_.push_back(&nexus);
  for (scsi::Command* const command : commands) {
    if (command->nexus == &nexus && busy(*command)) nexus.port.terminate_data_transfer(*command);
  }
  if (!quiet_.linked()) reactor_.defer(quiet_);
}

bool FakeRouter::busy(const scsi::Command& command) const {
  return std::any_of(transfers_.begin(), transfers_.end(), [&](const auto& each) { return each.command == &command; });
}

void FakeRouter::release_quiet() {
  hold_quiet = false;
  if (!quiet_.linked()) reactor_.defer(quiet_);
}

// As a core does: what is not in a transfer is dropped, functions are answered, then the nexus is quiet.
void FakeRouter::try_quiet() {
  if (hold_quiet) return;
  for (scsi::Nexus* const nexus : std::vector<scsi::Nexus*>(ending_)) {
    for (scsi::Command* const command : std::vector<scsi::Command*>(commands)) {
      if (command->nexus == nexus && !busy(*command)) drop(*command);
    }
    for (scsi::TaskManagement* const function : std::vector<scsi::TaskManagement*>(functions)) {
      if (function->nexus == nexus) answer(*function, scsi::TmfResponse::kFunctionRejected);
    }
    const bool left = std::any_of(commands.begin(), commands.end(),
                                  [nexus](const scsi::Command* command) { return command->nexus == nexus; });
    if (left) continue;
    std::erase(ending_, nexus);
    nexus->port.nexus_quiet(*nexus);
    std::erase_if(nexuses, [nexus](const auto& each) { return each.get() == nexus; });
  }
}

void FakeRouter::scsi_command_received(scsi::Command& command) {
  EXPECT_EQ(std::count(ending_.begin(), ending_.end(), command.nexus), 0) << "a command by a lost nexus";
  command.response.residual = scsi::Response::Residual::kNone;
  command.response.residual_count = 0;
  command.response.sense_length = 0;
  commands.push_back(&command);
}

void FakeRouter::answered(scsi::Command& command, scsi::Delivery delivery) {
  const auto at = std::find_if(transfers_.begin(), transfers_.end(),
                               [&](const Transfer& each) { return each.command == &command; });
  ASSERT_NE(at, transfers_.end()) << "an answer that nobody asked for";
  const bool with_status = at->with_status;
  transfers_.erase(at);
  delivered.emplace_back(&command, delivery);
  if (with_status && delivery == scsi::Delivery::kDelivered) {
    forget(command);
  } else if (std::count(ending_.begin(), ending_.end(), command.nexus) != 0 && !quiet_.linked()) {
    reactor_.defer(quiet_);
  }
}

void FakeRouter::data_in_delivered(scsi::Command& command, scsi::Delivery delivery) { answered(command, delivery); }
void FakeRouter::data_out_received(scsi::Command& command, scsi::Delivery delivery) { answered(command, delivery); }

void FakeRouter::task_management_request_received(scsi::TaskManagement& function) { functions.push_back(&function); }

}  // namespace iscsi
