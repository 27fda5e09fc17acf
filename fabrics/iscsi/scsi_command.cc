// SCSI Command PDUs: checks, the task, hand-over to the SCSI core (RFC 7143 11.3).
#include <cstring>

#include "fabrics/iscsi/ahs.h"
#include "fabrics/iscsi/conditions.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

using pdu::RejectReason;
using pdu::ScsiCommand;

namespace {

constexpr std::uint8_t kLastAttribute = 4;  // ACA

scsi::TaskAttribute attribute_of(std::uint8_t flags) {
  static constexpr scsi::TaskAttribute kAttributes[8] = {
      scsi::TaskAttribute::kSimple,      scsi::TaskAttribute::kSimple, scsi::TaskAttribute::kOrdered,
      scsi::TaskAttribute::kHeadOfQueue, scsi::TaskAttribute::kAca,
  };
  return kAttributes[ScsiCommand::Attribute::get(flags)];
}

scsi::DataDirection direction_of(std::uint8_t flags) {
  static constexpr scsi::DataDirection kDirections[4] = {scsi::DataDirection::kNone, scsi::DataDirection::kOut,
                                                         scsi::DataDirection::kIn, scsi::DataDirection::kBidirectional};
  return kDirections[(ScsiCommand::Read::get(flags) ? 2 : 0) + (ScsiCommand::Write::get(flags) ? 1 : 0)];
}

void fill_cdb(scsi::Command& command, const ScsiCommand& header, const CommandAhs& ahs) {
  std::memcpy(command.cdb.data(), header.cdb.data(), header.cdb.size());
  std::memset(command.cdb.data() + header.cdb.size(), 0, 16);
  command.cdb_length = static_cast<std::uint16_t>(header.cdb.size() + ahs.extended_cdb.size());
  if (!ahs.extended_cdb.empty()) {
    std::memcpy(command.cdb.data() + header.cdb.size(), ahs.extended_cdb.data(), ahs.extended_cdb.size());
  }
}

// What is wrong with the header itself; nothing: it makes sense.
std::optional<RejectReason> fault_in_header(const hal::ControlPdu& pdu, CommandAhs& ahs) {
  const auto& header = pdu.as<ScsiCommand>();
  const bool write = ScsiCommand::Write::get(header.flags), read = ScsiCommand::Read::get(header.flags);
  if (pdu.data_digest_error) return RejectReason::kDataDigestError;
  if (!pdu.ahs.empty() && !parse_command_ahs(pdu.ahs, ahs)) return RejectReason::kInvalidPduField;
  if ((!write && (!pdu::Final::get(header.flags) || !pdu.data.empty())) || ahs.bidirectional != (read && write) ||
      ScsiCommand::Attribute::get(header.flags) > kLastAttribute || header.initiator_task_tag == pdu::kReservedTag) {
    return RejectReason::kInvalidPduField;
  }
  return std::nullopt;
}

// Unsolicited data that the negotiated keys do not allow (RFC 7143 11.4.7.2).
scsi::SenseCode fault_in_data(const hal::ControlPdu& pdu, const Parameters& parameters) {
  const auto& header = pdu.as<ScsiCommand>();
  const bool more = !pdu::Final::get(header.flags);
  const std::size_t immediate = pdu.data.size();
  if (!more && immediate == 0) return {};
  const bool wrong = (immediate > 0 && !parameters.immediate_data) || (more && parameters.initial_r2t) ||
                     immediate > parameters.first_burst || immediate > header.expected_data_transfer_length;
  return wrong ? kUnexpectedUnsolicitedData : scsi::SenseCode{};
}

void fill(Task& task, const hal::ControlPdu& pdu, const CommandAhs& ahs) {
  const auto& header = pdu.as<ScsiCommand>();
  const std::uint32_t expected = header.expected_data_transfer_length;
  scsi::Command& command = task;
  command.tag = header.initiator_task_tag;
  command.lun.bytes = header.lun;
  command.attribute = attribute_of(header.flags);
  command.direction = direction_of(header.flags);
  command.expected_length = command.direction == scsi::DataDirection::kNone ? 0 : expected;
  command.priority = header.priority & 0x0f;
  command.transfer_failure = {};
  fill_cdb(command, header, ahs);
  hal::DataTask& data = task;
  data.initiator_task_tag = header.initiator_task_tag;
  data.lun = header.lun;
  data.expected_length = ScsiCommand::Write::get(header.flags) ? expected : 0;
  data.unsolicited_follows = !pdu::Final::get(header.flags);
  task.odd = pdu::Immediate::get(header.opcode) ? Task::kImmediate : 0;
  task.holds_slot = task.status_in_data = false;
  task.transfers_out = 0;
  task.cmd_sn = header.cmd_sn;
  task.bidirectional_read_length = ahs.bidirectional_read_length;
}

}  // namespace

inline bool Connection::may_take(const ScsiCommand& header, CommandWindow::Place place) const {
  return nexus_ != nullptr && session_->tasks.find(header.initiator_task_tag) == nullptr &&
         (place == CommandWindow::Place::kNext || !session_->held.has(header.cmd_sn)) &&
         (!pdu::Immediate::get(header.opcode) || session_->immediate_in_hand < Session::kMaxImmediate);
}

void Connection::receive_scsi_command(const hal::ControlPdu& pdu) {
  const auto& header = pdu.as<ScsiCommand>();
  const bool immediate = pdu::Immediate::get(header.opcode);
  const auto place = immediate ? CommandWindow::Place::kNext : session_->window.place(header.cmd_sn);
  if (__builtin_expect(recovery_ != nullptr, 0)) statuses_acknowledged(header.exp_stat_sn);
  if (__builtin_expect(place == CommandWindow::Place::kOutside, 0)) return ignore_data_of(header);
  CommandAhs ahs;
  const auto fault = fault_in_header(pdu, ahs);
  if (__builtin_expect(fault || !may_take(header, place), 0)) {
    refuse_command(header, place, fault);
    return;
  }
  Task* const task = shard_.tasks().take();
  if (__builtin_expect(task == nullptr, 0)) {
    answer_without_task(pdu, place);
    return;
  }
  fill(*task, pdu, ahs);
  task->connection = this;
  task->nexus = nexus_;
  session_->tasks.insert(*task);
  const scsi::SenseCode wrong_data = fault_in_data(pdu, session_->parameters);
  const bool good = wrong_data == scsi::SenseCode{};
  datamover_->begin_task(*task, good ? pdu.data : std::span<const std::byte>());
  task->transfer_failure = wrong_data;
  if (__builtin_expect(!good, 0)) datamover_->terminate_data(*task);  // what follows is dropped
  if (__builtin_expect(place == CommandWindow::Place::kAhead, 0)) {
    task->place = TaskPlace::kHeld;
    session_->held.add({.cmd_sn = header.cmd_sn, .connection = this, .task = task, .pdu = {}});
    return;
  }
  start(*task);
  if (__builtin_expect(!session_->held.empty() || !session_->management.empty(), 0)) catch_up(header.exp_stat_sn);
}

// The command's turn has come.
void Connection::start(Task& task) {
  task.place = TaskPlace::kCore;
  if ((task.odd & Task::kImmediate) != 0) {
    ++session_->immediate_in_hand;
  } else {
    session_->window.receive();
    task.holds_slot = true;
  }
  task.number = ++session_->commands;
  if (__builtin_expect(task.transfer_failure == scsi::SenseCode{}, 1)) {
    shard_.router().scsi_command_received(task);
    return;
  }
  scsi::Response& response = task.response;
  response.status = scsi::Status::kCheckCondition;
  response.residual =
      task.scsi::Command::expected_length == 0 ? scsi::Response::Residual::kNone : scsi::Response::Residual::kUnderflow;
  response.residual_count = task.scsi::Command::expected_length;
  response.sense_length = encode_condition(task.transfer_failure, response.sense);
  complete(task);
}

void Connection::refuse_command(const ScsiCommand& header, CommandWindow::Place place,
                                std::optional<RejectReason> reason) {
  if (!reason) {
    // A copy of a command that is held already is dropped like one that is outside the window.
    if (place == CommandWindow::Place::kAhead && session_->held.has(header.cmd_sn)) return ignore_data_of(header);
    if (nexus_ == nullptr) {
      reason = RejectReason::kProtocolError;  // a discovery session
    } else if (session_->tasks.find(header.initiator_task_tag) != nullptr) {
      reason = RejectReason::kTaskInProgress;
    } else {
      reason = RejectReason::kTooManyImmediateCommands;
    }
  }
  ignore_data_of(header);
  reject(*reason, reinterpret_cast<const pdu::BasicHeader&>(header));
}

void Connection::ignore_data_of(const ScsiCommand& header) {
  if (pdu::Final::get(header.flags)) return;
  refused_tags_[refused_count_++ % refused_tags_.size()] = header.initiator_task_tag;
}

// No memory for a task. The command is answered TASK SET FULL, which needs none.
void Connection::answer_without_task(const hal::ControlPdu& pdu, CommandWindow::Place place) {
  const auto& header = pdu.as<ScsiCommand>();
  // Unless its data would have to be received first, or commands before it.
  if (!pdu::Final::get(header.flags) || place != CommandWindow::Place::kNext) {
    protocol_error("no memory for a command");
    return;
  }
  consume(pdu);
  pdu::ScsiResponse response;
  response.status = static_cast<std::uint8_t>(scsi::Status::kTaskSetFull);
  response.initiator_task_tag = header.initiator_task_tag;
  send_numbered(response);
}

}  // namespace iscsi
