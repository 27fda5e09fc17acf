// What a host sends, and what it makes of the answers.
#include "tests/sim/host.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

namespace {

constexpr std::uint32_t kSegment = 8192;  // bytes in one PDU of ours
constexpr std::size_t kMostCommands = 6;
constexpr std::uint8_t kAbortTaskSet = 2;
constexpr std::uint8_t kGood = 0x00, kCheckCondition = 0x02;

void set_lba(std::array<std::uint8_t, 16>& cdb, std::uint32_t lba, std::uint32_t blocks) {
  for (unsigned i = 0; i < 4; ++i) cdb[2 + i] = static_cast<std::uint8_t>(lba >> (24 - 8 * i));
  cdb[7] = static_cast<std::uint8_t>(blocks >> 8);
  cdb[8] = static_cast<std::uint8_t>(blocks);
}

}  // namespace

// --- commands ---

// The window is the session's: any of its connections may have told of it last.
bool Host::may_send() {
  bool open = false;
  for (Link* link : live()) {
    link->wire->cmd_sn = cmd_sn_;
    open = open || link->wire->window_open();
  }
  return open && commands_.size() < kMostCommands;
}

Host::Command& Host::new_command(std::uint32_t& tag, std::uint32_t& lba, std::uint32_t& blocks) {
  tag = next_tag_++;
  Command& command = commands_[tag];
  command.lun = choose(4) == 0 ? 1 : 0;
  blocks = 1 + static_cast<std::uint32_t>(choose(command.lun == 0 ? 40 : 6));
  lba = static_cast<std::uint32_t>(choose(64));  // near enough to collide
  command.lba = lba;
  command.blocks = blocks;
  command.sent_at = ++shared_.clock;
  command.cmd_sn = cmd_sn_++;
  command.data.resize(std::size_t{blocks} * medium(command).block_size());
  return command;
}

void Host::write() {
  if (!may_send()) return;
  std::uint32_t tag = 0, lba = 0, blocks = 0;
  Command& command = new_command(tag, lba, blocks);
  command.write = true;
  command.id = medium(command).write_begins(lba, blocks);
  medium(command).fill(command.data, command.id, lba);
  send_write(any_live(), tag, command);
}

void Host::send_write(Link& link, std::uint32_t tag, Command& command) {
  command.cid = link.cid;
  const auto length = static_cast<std::uint32_t>(command.data.size());
  const std::uint32_t burst = std::min(length, small_bursts_ ? 4096u : 65536u);
  const std::uint32_t immediate = std::min({burst, kSegment, static_cast<std::uint32_t>(choose(3)) * 2048});
  const bool unsolicited = immediate < burst && choose(3) == 0;
  pdu::ScsiCommand request;
  request.flags = static_cast<std::uint8_t>((unsolicited ? 0x20 : 0xa0) | (1 + choose(3)));
  request.lun[1] = command.lun;
  request.initiator_task_tag = tag;
  request.expected_data_transfer_length = length;
  request.cmd_sn = command.cmd_sn;
  request.exp_stat_sn = link.wire->exp_stat_sn();
  request.cdb[0] = 0x2a;
  set_lba(request.cdb, command.lba, command.blocks);
  link.wire->send(request, std::span(command.data).first(immediate));
  if (unsolicited) send_unsolicited(link, tag, command, immediate, burst);
}

void Host::send_unsolicited(Link& link, std::uint32_t tag, const Command& command, std::uint32_t from,
                            std::uint32_t to) {
  pdu::DataOut request;
  request.initiator_task_tag = tag;
  request.target_transfer_tag = pdu::kReservedTag;
  request.lun[1] = command.lun;
  for (std::uint32_t sn = 0; from < to; ++sn) {
    const std::uint32_t size = std::min(to - from, kSegment);
    request.flags = from + size == to ? 0x80 : 0;
    request.exp_stat_sn = link.wire->exp_stat_sn();
    request.data_sn = sn;
    request.buffer_offset = from;
    link.wire->send(request, std::span(command.data).subspan(from, size));
    from += size;
  }
}

void Host::answer_r2t() {
  std::vector<Link*> asked = live();
  std::erase_if(asked, [](const Link* link) { return link->wire->r2ts.empty(); });
  if (asked.empty()) return;
  Link& link = *asked[choose(asked.size())];
  StrictInitiator::R2t& r2t = link.wire->r2ts.front();
  const auto found = commands_.find(r2t.initiator_task_tag);
  if (found == commands_.end()) return link.wire->r2ts.pop_front();  // aborted meanwhile
  pdu::DataOut request;
  request.initiator_task_tag = r2t.initiator_task_tag;
  request.target_transfer_tag = r2t.target_transfer_tag;
  request.lun[1] = found->second.lun;
  std::uint64_t pdus = 1 + choose(4);
  while (r2t.length != 0 && pdus-- != 0) {
    const std::uint32_t size = std::min(r2t.length, kSegment);
    request.flags = size == r2t.length ? 0x80 : 0;
    request.exp_stat_sn = link.wire->exp_stat_sn();
    request.data_sn = r2t.data_sn++;
    request.buffer_offset = r2t.offset;
    link.wire->send(request, std::span(found->second.data).subspan(r2t.offset, size));
    r2t.offset += size;
    r2t.length -= size;
  }
  if (r2t.length == 0) link.wire->r2ts.pop_front();
}

void Host::read() {
  if (!may_send()) return;
  std::uint32_t tag = 0, lba = 0, blocks = 0;
  Command& command = new_command(tag, lba, blocks);
  command.id = medium(command).read_begins(lba, blocks);
  send_read(any_live(), tag, command);
}

void Host::send_read(Link& link, std::uint32_t tag, Command& command) {
  command.cid = link.cid;
  pdu::ScsiCommand request;
  request.flags = static_cast<std::uint8_t>(0xc0 | (1 + choose(3)));
  request.lun[1] = command.lun;
  request.initiator_task_tag = tag;
  request.expected_data_transfer_length = static_cast<std::uint32_t>(command.data.size());
  request.cmd_sn = command.cmd_sn;
  request.exp_stat_sn = link.wire->exp_stat_sn();
  request.cdb[0] = 0x28;
  set_lba(request.cdb, command.lba, command.blocks);
  link.wire->send(request);
}

void Host::verify(std::uint8_t lun, std::uint32_t lba, std::uint32_t blocks) {
  for (int tries = 0; tries < 20; ++tries) {  // unit attentions and injected errors first
    const std::uint32_t tag = next_tag_++;
    Command& command = commands_[tag];
    command.lun = lun;
    command.sent_at = ++shared_.clock;
    command.cmd_sn = cmd_sn_++;
    command.lba = lba;
    command.blocks = blocks;
    command.data.resize(std::size_t{blocks} * shared_.media[lun].block_size());
    command.id = medium(command).read_begins(lba, blocks);
    const std::uint64_t before = good_;
    send_read(any_live(), tag, command);
    for (int second = 0; second < 20 && commands_.count(tag) != 0; ++second) {
      if (second != 0) shared_.world.advance(std::chrono::seconds(1));  // a rule may hold it up
      shared_.settle();
    }
    if (good_ != before) return;
  }
  BROKEN("a unit at rest does not answer a READ");
}

// --- task management ---

void Host::abort_one() {
  if (!connected() || commands_.empty()) return;
  auto victim = commands_.begin();
  std::advance(victim, static_cast<std::ptrdiff_t>(choose(commands_.size())));
  Link& link = any_live();
  pdu::TaskManagementRequest request;
  request.opcode |= 0x40;
  request.flags = 0x80 | kAbortTask;
  request.lun[1] = victim->second.lun;
  request.initiator_task_tag = next_tag_++;
  request.referenced_task_tag = victim->first;
  request.ref_cmd_sn = victim->second.cmd_sn;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = link.wire->exp_stat_sn();
  functions_[request.initiator_task_tag] = {kAbortTask, victim->second.lun, victim->first, ++shared_.clock, 0,
                                            link.cid};
  link.wire->send(request);
}

void Host::manage(std::uint8_t function) {
  if (!connected() || functions_.size() > 2) return;
  pdu::TaskManagementRequest request;
  request.opcode |= 0x40;
  request.flags = static_cast<std::uint8_t>(0x80 | function);
  const std::uint8_t lun = choose(4) == 0 ? 1 : 0;
  Link& link = any_live();
  request.lun[1] = lun;
  request.initiator_task_tag = next_tag_++;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = link.wire->exp_stat_sn();
  functions_[request.initiator_task_tag] = {function,        lun,     pdu::kReservedTag, ++shared_.clock,
                                            shared_.arrived, link.cid};
  link.wire->send(request);
}

void Host::function_ends(std::uint32_t tag, std::uint8_t response) {
  const auto found = functions_.find(tag);
  REQUIRE(found != functions_.end());
  const Function function = found->second;
  functions_.erase(found);
  if (response != 0 && response != 1) return;
  if (function.function != kAbortTask) {
    if (response == 0)
      ended_.push_back({function.function, function.lun, function.sent_at, function.arrived_at, false});
    return;
  }
  const auto victim = commands_.find(function.referenced);
  if (victim == commands_.end()) return;  // its answer came first
  if (response == 0) return forget(victim);
  // On another connection the answer may still be on its way; if that is cut, it may have come to nobody.
  if (function.cid == victim->second.cid) victim->second.unknown = true;
  if (is_cut(victim->second.cid)) victim->second.may_vanish = true;
}

// Over, and no answer comes any more.
void Host::forget(std::map<std::uint32_t, Command>::iterator at) {
  if (at->second.write) {
    medium(at->second).write_is_over(at->second.id);
  } else {
    medium(at->second).read_is_lost(at->second.id);
  }
  commands_.erase(at);
}

void Host::others_function(const Ended& ended, bool own) {
  if (ended.function == kAbortTaskSet && !own) return;
  for (auto at = commands_.begin(); at != commands_.end();) {
    const auto one = at++;
    if (one->second.lun != ended.lun) continue;
    if (!ended.unanswered && !dark_ && one->second.sent_at <= (own ? ended.asked_at : ended.arrived_at)) {
      forget(one);
    } else {
      one->second.may_vanish = true;
    }
  }
}

void Host::explain_unknown() {
  for (const auto& [tag, command] : commands_) REQUIRE(!command.unknown || command.may_vanish);
}

void Host::unit_went_away(std::uint8_t lun) {
  for (auto& [tag, command] : commands_) {
    if (command.lun == lun) command.may_vanish = true;
  }
}

// --- answers ---

void Host::listen() {
  for (Link& link : links_) {
    if (link.wire->closed()) continue;
    link.wire->read_answers();
    if (!link.wire->closed()) continue;
    functions_are_lost(link.cid);
    for (auto& [tag, command] : commands_) {
      if (command.cid == link.cid) command.may_vanish = true;
    }
  }
}

void Host::heard(std::uint16_t cid, const pdu::BasicHeader& header, std::span<const std::byte> data) {
  for (const std::byte byte : std::as_bytes(std::span(&header, 1))) {
    trace_ = (trace_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  }
  for (const std::byte byte : data) trace_ = (trace_ ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  const auto link = std::find_if(links_.begin(), links_.end(), [&](const Link& one) { return one.cid == cid; });
  switch (static_cast<pdu::Opcode>(header.opcode)) {
    case pdu::Opcode::kLoginResponse:
      tsih_ = reinterpret_cast<const pdu::LoginResponse&>(header).tsih;
      break;
    case pdu::Opcode::kDataIn: {
      const auto& in = reinterpret_cast<const pdu::DataIn&>(header);
      const auto found = commands_.find(in.initiator_task_tag);
      REQUIRE(found != commands_.end() && !found->second.write);  // nothing comes for what is over
      REQUIRE(found->second.cid == cid);                          // and everything by its command's connection
      std::copy(data.begin(), data.end(), found->second.data.begin() + in.buffer_offset);
      if ((in.flags & pdu::DataIn::kStatus) != 0) ends(in.initiator_task_tag, in.status, {});
      break;
    }
    case pdu::Opcode::kScsiResponse: {
      const auto& response = reinterpret_cast<const pdu::ScsiResponse&>(header);
      REQUIRE(commands_.count(response.initiator_task_tag) == 0 || commands_[response.initiator_task_tag].cid == cid);
      ends(response.initiator_task_tag, response.status, data);
      break;
    }
    case pdu::Opcode::kTaskManagementResponse:
      function_ends(header.initiator_task_tag, header.specific[0]);
      break;
    case pdu::Opcode::kNopIn:
      if (link != links_.end()) answer_ping(*link, reinterpret_cast<const pdu::NopIn&>(header));
      break;
    case pdu::Opcode::kReject:
      BROKEN("a PDU of a host that behaves was rejected");
    default:
      break;
  }
}

void Host::answer_ping(Link& link, const pdu::NopIn& ping) {
  pdu::NopOut request;
  request.opcode |= 0x40;
  request.initiator_task_tag = pdu::kReservedTag;
  request.target_transfer_tag = ping.target_transfer_tag;
  request.lun = ping.lun;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = link.wire->exp_stat_sn();
  link.wire->send(request);
}

void Host::ends(std::uint32_t tag, std::uint8_t status, std::span<const std::byte> sense) {
  const auto found = commands_.find(tag);
  REQUIRE(found != commands_.end());
  const Command& command = found->second;
  const bool none = status != kGood && status != kCheckCondition;  // BUSY, TASK SET FULL, RESERVATION CONFLICT
  const auto key = status == kCheckCondition ? static_cast<std::uint8_t>(sense[4]) & 0x0f : 0;
  const bool refused = none || key == 2 || key == 5 || key == 6;  // NOT READY, ILLEGAL REQUEST, UNIT ATTENTION
  if (!command.write) {
    if (status == kGood) {
      const std::string wrong = medium(command).read_is_good(command.id, command.data);
      if (!wrong.empty()) BROKEN(wrong.c_str());
    } else {
      medium(command).read_is_lost(command.id);
    }
  } else if (status == kGood) {
    medium(command).write_is_good(command.id);
  } else if (refused) {
    medium(command).write_never_began(command.id);
  } else {
    medium(command).write_is_over(command.id);
  }
  good_ += status == kGood;
  commands_.erase(found);
}

bool Host::may_stay_unanswered() const {
  return functions_.empty() &&
         std::all_of(commands_.begin(), commands_.end(), [](const auto& one) { return one.second.may_vanish; });
}

std::string Host::pending() const {
  std::string text;
  for (const auto& [tag, command] : commands_) {
    text += fmt::format(" {} {} lun {}{}", tag, command.write ? "write" : "read", command.lun,
                        command.may_vanish ? " (may vanish)" : "");
  }
  for (const auto& [tag, function] : functions_) text += fmt::format(" {} function {}", tag, function.function);
  return text;
}

}  // namespace sim
