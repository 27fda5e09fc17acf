// The loop port's side of the contract of scsi_core/port.h.
#include "tests/support/loop_port.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "hal/dma.h"
#include "scsi_core/sense_codes.h"
#include "tests/support/loop_protection.h"

namespace test_support {
namespace {

using scsi::Delivery;

LoopCommand& loop_command(scsi::Command& command) { return *static_cast<LoopCommand::Slot&>(command).owner; }

scsi::SenseCode decode(const std::vector<std::byte>& sense) {
  const auto at = [&](std::size_t i) {
    return i < sense.size() ? static_cast<std::uint8_t>(sense[i]) : std::uint8_t{0};
  };
  const bool descriptor = (at(0) & 0x7e) == 0x72;
  const auto key = static_cast<scsi::SenseKey>((descriptor ? at(1) : at(2)) & 0xf);
  return descriptor ? scsi::SenseCode{key, at(2), at(3)} : scsi::SenseCode{key, at(12), at(13)};
}

scsi::DataDirection direction_of(const Request& request) {
  if (request.direction.has_value()) return *request.direction;
  if (!request.out.empty()) return scsi::DataDirection::kOut;
  return request.in != 0 ? scsi::DataDirection::kIn : scsi::DataDirection::kNone;
}

}  // namespace

LoopNexus::LoopNexus(LoopPort& port, const scsi::TransportId& initiator)
    : port_(port), nexus_(&port.router().nexus_established(port, initiator, this)) {}

LoopCommand& LoopNexus::send(Request request) {
  commands_.push_back(std::make_unique<LoopCommand>());
  LoopCommand& out = *commands_.back();
  out.request = std::move(request);
  const Request& what = out.request;
  out.command.owner = &out;
  scsi::Command& command = out.command;
  command.nexus = nexus_;
  command.tag = next_tag_++;
  command.expected_length = what.expected_length.value_or(std::max(what.in, what.out.size()));
  command.lun = scsi::Lun::of(what.lun);
  if (what.lun_bytes.has_value()) command.lun.bytes = *what.lun_bytes;
  command.attribute = what.attribute;
  command.direction = direction_of(what);
  command.cdb_length = static_cast<std::uint16_t>(what.cdb.size());
  command.cdb.fill(0);
  std::copy(what.cdb.begin(), what.cdb.end(), command.cdb.begin());
  out.reply.data.reserve(command.expected_length <= (1u << 20) ? command.expected_length : 0);
  port_.inbox_.push_back({.command = &out});
  return out;
}

LoopFunction& LoopNexus::manage(scsi::TaskFunction function, std::uint32_t lun, const LoopCommand* task) {
  functions_.push_back(std::make_unique<LoopFunction>());
  LoopFunction& out = *functions_.back();
  out.request.nexus = nexus_;
  out.request.function = function;
  out.request.lun = scsi::Lun::of(lun);
  out.request.tag = task == nullptr ? 0 : task->command.tag;
  port_.inbox_.push_back({.function = &out});
  return out;
}

void LoopNexus::lose() {
  lost_ = true;
  port_.inbox_.push_back({.lost = this});
}

LoopPort::LoopPort(hal::Reactor& reactor, scsi::TaskRouter& router, scsi::TargetPortIdentity identity,
                   std::uint64_t seed)
    : reactor_(reactor), router_(router), identity_(std::move(identity)), random_(seed) {
  reactor_.add(*this);
}

LoopPort::~LoopPort() { reactor_.remove(*this); }

LoopNexus& LoopPort::login(const std::string& initiator) {
  constexpr std::uint8_t kIscsi = 5;
  const bool complete = initiator.find(",i,0x") != std::string::npos;
  nexuses_.push_back(std::make_unique<LoopNexus>(
      *this, scsi::TransportId{kIscsi, complete ? initiator : initiator + ",i,0x400000000001"}));
  return *nexuses_.back();
}

hal::DmaPool& LoopPort::buffers() { return reactor_.dma(); }

void LoopPort::send_data_in(scsi::Command& command, const scsi::Transfer& transfer) {
  EXPECT_LE(transfer.offset + transfer.length, command.expected_length) << "Data-In beyond EXPECTED LENGTH";
  pending_.push_back({&loop_command(command), transfer, true});
}

void LoopPort::receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) {
  EXPECT_LE(transfer.offset + transfer.length, command.expected_length) << "Data-Out beyond EXPECTED LENGTH";
  EXPECT_FALSE(transfer.with_status);
  pending_.push_back({&loop_command(command), transfer, false});
}

void LoopPort::terminate_data_transfer(scsi::Command& command) {
  std::size_t found = 0;
  for (Pending& pending : pending_) {
    if (&pending.command->command != &command) continue;
    pending.terminated = true;
    ++found;
  }
  EXPECT_GT(found, 0u) << "nothing to terminate";
}

void LoopPort::answer_one(Delivery delivery) {
  ASSERT_FALSE(pending_.empty());
  answer(0, delivery);
}

Delivery LoopPort::carry(const Pending& pending) {
  const scsi::Transfer& transfer = pending.transfer;
  const hal::ProtectionTransfer& protection = *transfer.protection;
  LoopCommand& to = *pending.command;
  ++offloaded;
  std::optional<WireFault> fault;
  if (pending.in) {
    EXPECT_EQ(to.reply.data.size(), transfer.offset);
    fault = to_wire(protection, transfer.segments, to.reply.data);
    to.reply.data.resize(fault ? transfer.offset : to.reply.data.size());
    EXPECT_EQ(to.reply.data.size(), transfer.offset + (fault ? 0 : transfer.length));
  } else {
    fault =
        from_wire(protection, std::span(to.request.out).subspan(transfer.offset, transfer.length), transfer.segments);
    to.reply.data_out_bytes += transfer.length;
  }
  if (!fault) return Delivery::kDelivered;
  const auto& [actual, expected] = fault->tuples;
  to.command.transfer_failure = actual.guard != expected.guard ? scsi::kLogicalBlockGuardCheckFailed
                                : actual.application != expected.application
                                    ? scsi::kLogicalBlockApplicationTagCheckFailed
                                    : scsi::kLogicalBlockReferenceTagCheckFailed;
  to.command.failed_block_known = true;
  to.command.failed_block = protection.lba + fault->block;
  return Delivery::kFailed;
}

void LoopPort::move_plainly(const Pending& pending, Delivery delivery) {
  LoopCommand& to = *pending.command;
  std::uint64_t at = pending.transfer.offset, moved = 0;
  for (const hal::DmaSpan& segment : pending.transfer.segments) {
    const std::size_t size = segment.bytes.size();
    moved += size;
    if (delivery == Delivery::kDelivered && pending.in) {
      if (to.reply.data.size() < at + size) to.reply.data.resize(at + size);
      std::memcpy(to.reply.data.data() + at, segment.bytes.data(), size);
    } else if (delivery == Delivery::kDelivered) {
      const std::size_t there = at < to.request.out.size() ? std::min(size, to.request.out.size() - at) : 0;
      std::memcpy(segment.bytes.data(), to.request.out.data() + at, there);
      to.reply.data_out_bytes += size;
    } else {
      std::memset(segment.bytes.data(), 0xee, pending.in ? 0 : size);  // undefined content
    }
    at += size;
  }
  EXPECT_EQ(moved, pending.transfer.length) << "segments and length of a transfer differ";
}

void LoopPort::answer(std::size_t index, Delivery delivery) {
  const Pending pending = pending_[index];
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
  LoopCommand& to = *pending.command;
  if (fail_next_.has_value() && delivery == Delivery::kDelivered) {
    to.command.transfer_failure = *std::exchange(fail_next_, std::nullopt);
    delivery = Delivery::kFailed;
  }
  const bool carried = pending.transfer.protection != nullptr && delivery == Delivery::kDelivered;
  if (carried) delivery = carry(pending);
  if (!carried) move_plainly(pending, delivery);
  if (delivery == Delivery::kDelivered && pending.transfer.with_status) over(to, false);
  if (pending.in) {
    router_.data_in_delivered(to.command, delivery);
  } else {
    router_.data_out_received(to.command, delivery);
  }
}

void LoopPort::over(LoopCommand& command, bool dropped) {
  Reply& reply = command.reply;
  EXPECT_FALSE(reply.over) << "a command ended twice";
  EXPECT_TRUE(std::none_of(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.command == &command; }))
      << "a command ended with a transfer out";
  reply.over = true;
  reply.dropped = dropped;
  if (dropped) return;
  const scsi::Response& response = command.command.response;
  reply.status = response.status;
  reply.residual = response.residual;
  reply.residual_count = response.residual_count;
  reply.sense_bytes.assign(response.sense.begin(), response.sense.begin() + response.sense_length);
  reply.sense = decode(reply.sense_bytes);
  EXPECT_EQ(reply.status == scsi::Status::kCheckCondition, response.sense_length != 0);
}

void LoopPort::send_command_complete(scsi::Command& command) {
  const auto& nexus = *static_cast<const LoopNexus*>(command.nexus->port_context);
  EXPECT_FALSE(nexus.told_) << "a status for a nexus that is lost";
  over(loop_command(command), false);
}

void LoopPort::drop_command(scsi::Command& command) { over(loop_command(command), true); }

void LoopPort::task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) {
  auto& nexus = *static_cast<LoopNexus*>(function.nexus->port_context);
  for (const auto& asked : nexus.functions_) {
    if (&asked->request != &function) continue;
    EXPECT_FALSE(asked->response.has_value()) << "a task management function was answered twice";
    asked->response = response;
    if (function_answered) function_answered(*asked);
    return;
  }
  ADD_FAILURE() << "answer to a task management function that nobody asked";
}

void LoopPort::nexus_quiet(scsi::Nexus& nexus) {
  auto& mine = *static_cast<LoopNexus*>(nexus.port_context);
  EXPECT_TRUE(mine.lost_ && !mine.quiet_);
  mine.quiet_ = true;
  for (const auto& command : mine.commands_) EXPECT_TRUE(command->reply.over) << "quiet with a command out";
  for (const auto& function : mine.functions_)
    EXPECT_TRUE(function->response.has_value()) << "quiet with a function out";
}

void LoopPort::end_nexus(scsi::Nexus& nexus) { static_cast<LoopNexus*>(nexus.port_context)->end_asked_ = true; }

bool LoopPort::deliver() {
  if (inbox_.empty()) return false;
  const Inbound what = inbox_.front();
  inbox_.pop_front();
  if (what.command != nullptr) {
    router_.scsi_command_received(what.command->command);
  } else if (what.function != nullptr) {
    if (function_delivered) function_delivered(*what.function);
    router_.task_management_request_received(what.function->request);
  } else {
    what.lost->told_ = true;
    router_.nexus_lost(*what.lost->nexus_);
  }
  return true;
}

bool LoopPort::poll() {
  if (shuffle ? random_.below(2) == 0 && deliver() : deliver()) return true;
  std::vector<std::size_t> due;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const bool held = pending_[i].terminated ? hold_terminated : hold_transfers;
    if (!held) due.push_back(i);
  }
  if (due.empty()) return deliver();
  const std::size_t index = due[shuffle ? random_.below(due.size()) : 0];
  const bool late = shuffle && random_.below(2) == 0;
  answer(index, pending_[index].terminated && !late ? Delivery::kTerminated : Delivery::kDelivered);
  return true;
}

}  // namespace test_support
