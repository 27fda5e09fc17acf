// What comes back to a host, and how its commands end.
#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

bool Host::listen() {
  const std::uint64_t before = trace_;
  bool ended = false;
  for (Link& link : links_) {
    if (link.wire->closed()) continue;
    link.wire->read_answers();
    if (!link.wire->closed()) continue;
    ended = true;
    link.lost_at = shared_.world.now();
    functions_are_lost(link.cid);
    if (level_ == 2 && !link.leaving) continue;  // its tasks wait
    for (auto& [tag, command] : commands_) {
      if (command.cid == link.cid) command.may_vanish = true;
    }
  }
  return ended || trace_ != before;
}

void Host::heard(std::uint16_t cid, const pdu::BasicHeader& header, std::span<const std::byte> data) {
  for (const std::byte byte : std::as_bytes(std::span(&header, 1))) {
    trace_ = (trace_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  }
  for (const std::byte byte : data) trace_ = (trace_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  Link* const link = find(cid);
  REQUIRE(link != nullptr);
  switch (static_cast<pdu::Opcode>(header.opcode)) {
    case pdu::Opcode::kLoginResponse: {
      const auto& login = reinterpret_cast<const pdu::LoginResponse&>(header);
      if (login.status == 0) tsih_ = login.tsih;
      break;
    }
    case pdu::Opcode::kDataIn:
      return heard_data(*link, reinterpret_cast<const pdu::DataIn&>(header), data);
    case pdu::Opcode::kScsiResponse: {
      const auto& response = reinterpret_cast<const pdu::ScsiResponse&>(header);
      const auto found = commands_.find(response.initiator_task_tag);
      REQUIRE(found != commands_.end() && found->second.cid == cid);  // by its command's connection
      REQUIRE(response.response == 0);
      return answered(found->first, {.status = response.status,
                                     .flags = response.flags,
                                     .residual = response.residual_count,
                                     .exp_data_sn = response.exp_data_sn,
                                     .stat_sn = response.stat_sn,
                                     .sense = {data.begin(), data.end()}});
    }
    case pdu::Opcode::kR2t:
      return heard_r2t(*link, reinterpret_cast<const pdu::R2t&>(header));
    case pdu::Opcode::kTaskManagementResponse:
      return function_ends(header.initiator_task_tag, header.specific[0]);
    case pdu::Opcode::kLogoutResponse:
      logged_out_ = reinterpret_cast<const pdu::LogoutResponse&>(header).response == 0;
      break;
    case pdu::Opcode::kNopIn:
      return answer_ping(*link, reinterpret_cast<const pdu::NopIn&>(header));
    case pdu::Opcode::kReject:
      return rejected(*link, reinterpret_cast<const pdu::Reject&>(header), data);
    default:
      break;
  }
}

void Host::heard_data(Link& link, const pdu::DataIn& in, std::span<const std::byte> data) {
  const auto found = commands_.find(in.initiator_task_tag);
  const bool status = (in.flags & pdu::DataIn::kStatus) != 0;
  // What was asked for twice may come twice; else nothing comes for what is over.
  if (found == commands_.end() && level_ != 0 && !status) return;
  REQUIRE(found != commands_.end() && !found->second.write);
  Command& command = found->second;
  REQUIRE(command.cid == link.cid);  // everything by its command's connection
  if (const char* wrong = command.come.add(in.data_sn, in.buffer_offset, data, command.data)) BROKEN(wrong);
  if ((in.flags & pdu::DataIn::kAcknowledge) != 0) {
    REQUIRE(level_ != 0);
    acknowledge_data(link, found->first, command);
  }
  if (status) {
    const auto residual = static_cast<std::uint8_t>(in.flags & (pdu::DataIn::kOverflow | pdu::DataIn::kUnderflow));
    answered(found->first, {.status = in.status,
                            .flags = residual,
                            .residual = in.residual_count,
                            .exp_data_sn = in.data_sn + 1,
                            .stat_sn = in.stat_sn,
                            .sense = {}});
  } else if (command.answer) {
    answered(found->first, *command.answer);
  }
}

void Host::heard_r2t(Link& link, const pdu::R2t& r2t) {
  const auto found = commands_.find(r2t.initiator_task_tag);
  if (found == commands_.end() && level_ != 0) return link.wire->r2ts.pop_back();  // asked for again, and over since
  REQUIRE(found != commands_.end() && found->second.write && found->second.cid == link.cid);
  std::vector<std::uint32_t>& known = found->second.transfer_tags;
  if (std::find(known.begin(), known.end(), r2t.target_transfer_tag) != known.end()) {
    REQUIRE(level_ != 0);
    return link.wire->r2ts.pop_back();  // it came again; it is answered, or will be
  }
  known.push_back(r2t.target_transfer_tag);
}

void Host::answer_ping(Link& link, const pdu::NopIn& ping) {
  if (ping.target_transfer_tag == pdu::kReservedTag) return;
  pdu::NopOut request;
  request.opcode |= 0x40;
  request.initiator_task_tag = pdu::kReservedTag;
  request.target_transfer_tag = ping.target_transfer_tag;
  request.lun = ping.lun;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = expects(link);
  link.wire->send(request);
}

// A command has its status. It ends when all that was read has come, too (RFC 7143 11.4.8).
void Host::answered(std::uint32_t tag, Answer answer) {
  const auto found = commands_.find(tag);
  REQUIRE(found != commands_.end() && !found->second.aborted);
  Command& command = found->second;
  if (!command.write) {
    REQUIRE(command.come.end() <= answer.exp_data_sn);
    if (command.come.missing(answer.exp_data_sn).count != 0) {
      REQUIRE(level_ != 0);
      command.answer = std::move(answer);
      return;
    }
  }
  command.answer = std::move(answer);
  ends(found);
}

void Host::ends(Commands::iterator at) {
  const std::uint32_t tag = at->first;
  Command command = std::move(at->second);
  commands_.erase(at);
  const Answer answer = *std::exchange(command.answer, std::nullopt);
  check_residual(command, answer);
  const bool good = answer.status == 0;
  if (!command.write && good) {
    const std::size_t wanted = std::size_t{command.blocks} * medium(command).block_size();
    const std::size_t bytes = std::min(wanted, command.data.size());
    REQUIRE(command.come.bytes() == bytes);
    const std::string wrong =
        medium(command).read_is_good(command.id, std::span(command.data).first(bytes), writes_before(command));
    if (!wrong.empty()) BROKEN(wrong.c_str());
  } else if (!command.write) {
    medium(command).read_is_lost(command.id);
  } else if (good) {
    medium(command).write_is_good(command.id, writes_before(command));
  } else {
    const auto key = answer.sense.size() > 4 ? static_cast<std::uint8_t>(answer.sense[4]) & 0x0f : 0;
    const bool refused = answer.status != 2 || key == 2 || key == 5 || key == 6;  // BUSY and the like; not begun
    if (refused) {
      medium(command).write_never_began(command.id);
    } else {
      medium(command).write_is_over(command.id);
    }
  }
  counts_.good += good;
  const bool elsewhere = answer.sense.size() > 2 + 12 && answer.sense[2 + 12] == std::byte{0x25};  // no such unit
  if (good || (answer.status == 2 && !elsewhere)) {
    past_[tag] = {command.write, command.attribute == Attribute::kOrdered, command.id, command.older};
  }
  over_.push_back({tag, std::move(command), answer});
}

void Host::drop(Commands::iterator at) {
  const Command& command = at->second;
  if (command.write) {
    medium(command).write_is_over(command.id);
  } else {
    medium(command).read_is_lost(command.id);
  }
  commands_.erase(at);
}

void Host::answer_lost(const Command& command) { attentions_.answer_lost(command.lun, ++shared_.clock); }

// No answer comes any more; one that told of a unit attention may have been lost.
void Host::forget(Commands::iterator at) {
  answer_lost(at->second);
  drop(at);
}

}  // namespace sim
