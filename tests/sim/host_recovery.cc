// What is lost on its way and comes back: connections (RFC 7143 6.3.4, 7.1.4.4), PDUs (7.8, 7.9, 11.16).
#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;
using Spoil = StrictInitiator::Spoil;

namespace {

enum SnackType : std::uint8_t { kData = 0, kStatus = 1, kDataAck = 2 };
constexpr auto kTasksWait = std::chrono::seconds(2 + 20);  // DefaultTime2Wait and DefaultTime2Retain

}  // namespace

// --- connections ---

// The connection's place is taken by a new one with the same CID (RFC 7143 6.3.4), or another connection logs it out.
// Once that has succeeded nothing of the old one is left; its tasks have ended, or at level 2 wait.
void Host::recover() {
  std::vector<Link*> choice, others;
  for (Link& link : links_) {
    if (is_lost(link)) choice.push_back(&link);
    if (is_live(link) && !link.wire->cut && !link.closing) others.push_back(&link);
  }
  if (choice.empty()) choice = others;
  if (choice.empty()) return connect();
  Link& link = *choice[choose(choice.size())];
  std::erase(others, &link);
  if (others.empty() && level_ != 2) return dark() ? connect() : void();
  const std::uint16_t cid = link.cid;
  const base::Time lost_at = link.lost_at;
  if (link.wire->cut && link.closing) {  // a Logout Request went with it
    for (Link& each : links_) each.closing = each.leaving = false;
  }
  functions_are_lost(cid);
  for (auto& [tag, command] : commands_) {
    if (command.cid != cid) continue;
    command.answer.reset();  // its number means nothing any more; at level 2 it comes again
    if (level_ != 2) command.may_vanish = true;
  }
  Link* to = &link;
  if (level_ == 2 && !others.empty() && choose(3) == 0) {
    const std::uint16_t by = others[choose(others.size())]->cid;
    if (!log_out_for_recovery(link, *find(by))) return;  // that is gone, too
    std::erase_if(links_, [cid](const Link& each) { return each.cid == cid; });
    to = find(by);
  } else if (!log_in(link)) {
    return connect();  // the session has gone, too
  }
  ++counts_.reinstated;
  if (to == &link) link.lost_at = {};
  for (auto& [tag, command] : commands_) {
    const bool late = lost_at != base::Time{} && shared_.world.now() - lost_at >= kTasksWait;
    if (command.cid == cid && late) command.may_vanish = true;  // the target waits no longer
  }
  bring_back(*to, cid);
}

void Host::bring_back(Link& to, std::uint16_t cid) {
  const std::uint32_t expected = to.wire->exp_cmd_sn();
  for (auto at = commands_.begin(); at != commands_.end();) {
    const auto one = at++;
    Command& command = one->second;
    const bool arrived = pdu::serial_less(command.cmd_sn, expected);
    if (!arrived) command.sent_at = ++shared_.clock;  // or it was held behind what is sent now
    if (command.cid != cid && find(command.cid) != nullptr) continue;
    if (!arrived) {
      send_again(to, one->first, command);
    } else if (level_ == 2) {
      reassign(to, one->first, command);
    } else if (command.cid == cid) {
      forget(one);
    }
  }
}

// RFC 7143 7.2.1: with its own CmdSN; by another connection only when its own has been logged out. Where an ABORT TASK
// may have come before it, that number counts as received, and what is sent now is ignored (11.6.1 b).
void Host::send_again(Link& to, std::uint32_t tag, Command& command) {
  command.may_vanish = command.disowned;
  command.swept = false;
  command.vain = 0;
  ++counts_.sent_again;
  send(to, tag, command);
}

// RFC 7143 11.5: what the host says of data that it has, the target goes by; the rest it discards.
void Host::reassign(Link& to, std::uint32_t tag, Command& command) {
  pdu::TaskManagementRequest request;
  request.opcode |= 0x40;
  request.flags = 0x80 | kReassign;
  request.lun[1] = command.lun;
  request.initiator_task_tag = next_tag_++;
  request.referenced_task_tag = tag;
  request.ref_cmd_sn = command.cmd_sn;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = expects(to);
  const bool all_anew = command.write || (command.acknowledged == 0 && choose(2) == 0);
  request.exp_data_sn = all_anew ? 0 : command.come.next();
  functions_[request.initiator_task_tag] = {kReassign, command.lun,        tag, ++shared_.clock, 0,
                                            to.cid,    request.exp_data_sn};
  to.wire->send(request);
}

void Host::reassigned(const Function& function, std::uint8_t response) {
  const auto found = commands_.find(function.referenced);
  if (found == commands_.end()) return;
  Command& command = found->second;
  REQUIRE(response == 0 || response == 1);
  if (response == 1) {
    command.unknown = true;
    return;
  }
  ++counts_.reassigned;
  command.cid = function.cid;
  command.acknowledged = function.exp_data_sn;
  command.come.restart(function.exp_data_sn);
  command.transfer_tags.clear();
  command.answer.reset();
}

// --- PDUs ---

// Where the sequence of statuses must go on, nothing is lost: a login, a logout, what moves an allegiance.
bool Host::loses(const Link& link, const pdu::BasicHeader& header) {
  const auto opcode = static_cast<pdu::Opcode>(header.opcode);
  if (!shared_.damage || opcode == pdu::Opcode::kLoginResponse || opcode == pdu::Opcode::kLogoutResponse) return false;
  if (opcode == pdu::Opcode::kNopIn && header.initiator_task_tag == pdu::kReservedTag) return false;
  const auto function = functions_.find(header.initiator_task_tag);
  if (opcode == pdu::Opcode::kTaskManagementResponse && function != functions_.end() &&
      function->second.function == kReassign) {
    return false;
  }
  const bool damaged = !link.closing && choose(20) == 0;
  counts_.damaged += damaged;
  return damaged;
}

Spoil Host::spoil(const Link& link, bool data) {
  if (!shared_.damage) return Spoil::kNothing;
  const bool header = link.wire->header_digest() && choose(100) == 0;
  const bool body = data && link.wire->data_digest() && choose(12) == 0;
  counts_.damaged += header || body;
  return header ? Spoil::kHeaderDigest : body ? Spoil::kDataDigest : Spoil::kNothing;
}

void Host::rejected(Link& link, const pdu::Reject& reject, std::span<const std::byte> data) {
  pdu::BasicHeader header;
  REQUIRE(data.size() == sizeof header);
  std::copy(data.begin(), data.end(), std::as_writable_bytes(std::span(&header, 1)).begin());
  const auto opcode = pdu::OpcodeBits::get(header.opcode);
  const auto found = commands_.find(header.initiator_task_tag);
  const bool damaged = static_cast<pdu::RejectReason>(reject.reason) == pdu::RejectReason::kDataDigestError;
  if (damaged && opcode == pdu::Opcode::kScsiCommand) {
    REQUIRE(level_ != 0);
    if (found == commands_.end()) return;
    found->second.sent_at = ++shared_.clock;
    ++counts_.sent_again;
    send(link, found->first, found->second);
  } else if (damaged && opcode == pdu::Opcode::kDataOut) {
    REQUIRE(found == commands_.end() || found->second.spoiled);
  } else if (opcode == pdu::Opcode::kSnackRequest && header.initiator_task_tag != pdu::kReservedTag) {
    if (found == commands_.end()) return;
    std::uint32_t& vain = found->second.vain;
    found->second.unknown = vain == 0;
    vain -= std::min(vain, 1u);
  } else {
    BROKEN("a PDU of a host that behaves was rejected");
  }
}

void Host::snack(Link& link, std::uint8_t type, std::uint32_t tag, std::uint32_t first, std::uint32_t count) {
  pdu::SnackRequest request;
  request.flags = static_cast<std::uint8_t>(0x80 | type);
  request.initiator_task_tag = type == kData ? tag : pdu::kReservedTag;
  request.target_transfer_tag = type == kDataAck ? tag : pdu::kReservedTag;
  if (type == kDataAck) request.lun[1] = commands_.at(tag).lun;
  request.exp_stat_sn = expects(link);
  request.beg_run = first;
  request.run_length = count;
  if (type == kData) commands_.at(tag).vain += commands_.at(tag).absent;
  ++counts_.snacks;
  link.wire->send(request);
}

// Not while something before it is missing (RFC 7143 11.16.1).
void Host::acknowledge_data(Link& link, std::uint32_t tag, Command& command) {
  if (command.come.missing(command.come.end()).count != 0) return;
  command.acknowledged = command.come.next();
  snack(link, kDataAck, tag, command.acknowledged, 0);
}

void Host::heal() {
  if (level_ == 0) return;
  for (Link* const link : live()) {
    if (link->wire->cut || link->closing) continue;
    ask_again(*link);
    give_up_swept(*link);
  }
}

// By the numbers where they are known, else for all that was sent and is not acknowledged.
void Host::ask_again(Link& link) {
  const StrictInitiator::Missing missing = link.wire->missing_statuses();
  if (missing.count != 0 && choose(3) != 0) {
    snack(link, kStatus, 0, missing.first, missing.count);
  } else {
    snack(link, kStatus, 0, 0, 0);
  }
  for (auto& [tag, command] : commands_) {
    if (command.cid != link.cid) continue;
    const DataInLog::Run run = command.come.missing(command.answer ? command.answer->exp_data_sn : command.come.end());
    if (!command.write && run.count != 0) {
      snack(link, kData, tag, run.first, run.count);
    } else if (choose(2) == 0) {
      snack(link, kData, tag, 0, 0);
    }
  }
}

// A function has ended them, unless their answers were damaged: then those come now.
void Host::give_up_swept(Link& link) {
  const auto waits = [&](const auto& one) {
    return one.second.cid == link.cid && one.second.swept && !one.second.answer;
  };
  if (std::none_of(commands_.begin(), commands_.end(), waits)) return;
  const bool damage = std::exchange(shared_.damage, false);
  const std::uint16_t cid = link.cid;
  std::vector<std::uint32_t> tags;
  for (const auto& one : commands_) {
    if (waits(one)) tags.push_back(one.first);
  }
  snack(link, kStatus, 0, 0, 0);
  shared_.settle();
  shared_.damage = damage;
  for (const std::uint32_t tag : tags) {
    const auto found = commands_.find(tag);
    if (found != commands_.end() && found->second.swept && !found->second.answer && find(cid) != nullptr &&
        is_live(*find(cid))) {
      forget(found);
    }
  }
}

void Host::ping(Link& link) {
  pdu::NopOut request;
  request.opcode |= 0x40;
  request.initiator_task_tag = next_tag_++;
  request.target_transfer_tag = pdu::kReservedTag;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = expects(link);
  link.wire->send(request);
}

Host::Counts& Host::Counts::operator+=(const Counts& other) {
  good += other.good;
  joined += other.joined;
  reinstated += other.reinstated;
  sent_again += other.sent_again;
  reassigned += other.reassigned;
  damaged += other.damaged;
  snacks += other.snacks;
  return *this;
}

}  // namespace sim
