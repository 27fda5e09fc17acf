// Connections that are lost and come back, and what becomes of their commands (RFC 7143 6.3.4, 7.1.4.4, 7.2).
#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

namespace {

constexpr auto kTasksWait = std::chrono::seconds(2 + 20);  // DefaultTime2Wait and DefaultTime2Retain

}  // namespace

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
  coming_back_ = true;
  Link* to = &link;
  if (level_ == 2 && !others.empty() && choose(3) == 0) {
    const std::uint16_t by = others[choose(others.size())]->cid;
    if (!log_out_for_recovery(link, *find(by))) {  // that is gone, too
      coming_back_ = false;
      return;
    }
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
  coming_back_ = false;
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
