// Task management of a host, and what it means for the others (SAM-5 7, RFC 7143 11.5, 11.6).
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

void Host::abort_one() {
  if (open().empty() || commands_.empty()) return;
  auto victim = commands_.begin();
  std::advance(victim, static_cast<std::ptrdiff_t>(choose(commands_.size())));
  Link& link = any_open();
  pdu::TaskManagementRequest request;
  request.opcode |= 0x40;
  request.flags = 0x80 | kAbortTask;
  request.lun[1] = victim->second.lun;
  request.initiator_task_tag = next_tag_++;
  request.referenced_task_tag = victim->first;
  request.ref_cmd_sn = victim->second.cmd_sn;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = expects(link);
  functions_[request.initiator_task_tag] = {kAbortTask, victim->second.lun, victim->first, ++shared_.clock, 0,
                                            link.cid};
  link.wire->send(request);
}

bool Host::being_aborted(std::uint32_t tag) const {
  return std::any_of(functions_.begin(), functions_.end(), [tag](const auto& one) {
    return one.second.function == kAbortTask && one.second.referenced == tag;
  });
}

void Host::manage(std::uint8_t function) {
  if (open().empty() || functions_.size() > 2) return;
  pdu::TaskManagementRequest request;
  request.opcode |= 0x40;
  request.flags = static_cast<std::uint8_t>(0x80 | function);
  const std::uint8_t lun = choose(4) == 0 ? 1 : 0;
  Link& link = any_open();
  request.lun[1] = lun;
  request.initiator_task_tag = next_tag_++;
  request.cmd_sn = cmd_sn_;
  request.exp_stat_sn = expects(link);
  functions_[request.initiator_task_tag] = {function,        lun,     pdu::kReservedTag, ++shared_.clock,
                                            shared_.arrived, link.cid};
  shared_.function_begins(function, lun, this);
  link.wire->send(request);
}

void Host::function_begins(std::uint8_t function, std::uint8_t lun, bool own) {
  if (function == kUnitReset) attentions_.reset_begins(lun);
  if (function == kClearTaskSet && !own) attentions_.may(lun, AttentionOracle::kCleared);
}

bool Host::resets(std::uint8_t lun) const {
  return std::any_of(functions_.begin(), functions_.end(),
                     [lun](const auto& one) { return one.second.function == kUnitReset && one.second.lun == lun; });
}

bool Host::received(const Command& command) const {
  return std::any_of(links_.begin(), links_.end(), [&](const Link& link) {
    return link.wire->full_feature() && pdu::serial_less(command.cmd_sn, link.wire->exp_cmd_sn());
  });
}

void Host::function_ends(std::uint32_t tag, std::uint8_t response) {
  const auto found = functions_.find(tag);
  REQUIRE(found != functions_.end());
  const Function function = found->second;
  functions_.erase(found);
  if (function.function == kReassign) return reassigned(function, response);
  if (response != 0 && response != 1) return;
  if (function.function != kAbortTask) {
    if (response == 0)
      ended_.push_back({function.function, function.lun, function.sent_at, function.arrived_at, false});
    return;
  }
  const auto victim = commands_.find(function.referenced);
  if (victim == commands_.end()) return;  // its answer came first
  if (response == 0 && function.cid == victim->second.cid) return forget(victim);
  if (response == 0) {
    victim->second.aborted = true;
    return;
  }
  if (find(victim->second.cid) == nullptr) return forget(victim);  // it went with its connection
  // On another connection the answer may still be on its way; if that is cut, it may have come to nobody. From level 1
  // on it may have been damaged, and waits to be asked for.
  if (function.cid == victim->second.cid && level_ == 0) victim->second.unknown = true;
  if (level_ != 0 && victim->second.may_vanish) victim->second.swept = true;
  if (is_cut(victim->second.cid) && level_ < 2) victim->second.may_vanish = true;
}

std::vector<Ended> Host::take_ended() {
  for (const auto& [tag, function] : functions_) {
    if (function.function == kAbortTask || function.function == kReassign) continue;
    if (links_.size() < 2 && level_ == 0 && !is_cut(function.cid)) continue;
    ended_.push_back({function.function, function.lun, function.sent_at, 0, true});
  }
  return std::move(ended_);
}

void Host::others_function(const Ended& ended, bool own) {
  const bool unit = ended.function == kUnitReset;
  if (ended.function == kAbortTaskSet && !own) return;
  // What is established is certain before the answers of swept commands are found to be missing.
  if (unit && !ended.unanswered) attentions_.must(ended.lun, AttentionOracle::kReset, ended.asked_at, shared_.clock);
  for (auto at = commands_.begin(); at != commands_.end();) {
    const auto one = at++;
    if (one->second.lun != ended.lun) continue;
    // A command of others that waits for a missing one is not affected; at level 0 nothing is missing where it matters.
    const std::uint64_t there_at = own || level_ == 0 ? one->second.sent_at : one->second.received_at;
    const bool before = there_at != 0 && there_at <= (own ? ended.asked_at : ended.arrived_at);
    if (!ended.unanswered && !dark() && before && level_ == 0) {
      if (find(one->second.cid) == nullptr) answer_lost(one->second);  // it may have gone with its connection
      drop(one);
    } else {
      one->second.may_vanish = true;
      one->second.swept = one->second.swept || (!ended.unanswered && before);
    }
  }
}

void Host::functions_are_lost() {
  for (const Link& link : links_) functions_are_lost(link.cid);
}

void Host::functions_are_lost(std::uint16_t cid) {
  for (const auto& [tag, function] : functions_) {
    const auto victim = commands_.find(function.referenced);
    if (function.cid == cid && function.function == kAbortTask && victim != commands_.end()) {
      victim->second.may_vanish = victim->second.disowned = true;
    }
    if (function.cid == cid && function.function != kAbortTask && function.function != kReassign) {
      ended_.push_back({function.function, function.lun, function.sent_at, 0, true});
    }
  }
  std::erase_if(functions_, [&](const auto& one) { return one.second.cid == cid; });
}

void Host::unit_went_away(std::uint8_t lun) {
  for (auto& [tag, command] : commands_) {
    if (command.lun == lun) command.may_vanish = true;
  }
}

// LUN 1 has come or gone: units that stay tell of it. A reset that is under way may come after it, and leaves nothing
// of it.
void Host::units_changed(std::uint8_t lun, std::uint64_t began) {
  attentions_.unit_remade(lun);
  for (std::uint8_t other = 0; other != AttentionOracle::kUnits; ++other) {
    if (other == lun) continue;
    attentions_.may(other, AttentionOracle::kLunsChanged);
    if (shared_.being_reset(other)) continue;
    attentions_.must(other, AttentionOracle::kLunsChanged, began, shared_.clock);
  }
}

bool Host::may_stay_unanswered() const {
  return functions_.empty() &&
         std::all_of(commands_.begin(), commands_.end(), [](const auto& one) { return one.second.may_vanish; });
}

std::string Host::pending() const {
  std::string text;
  for (const auto& [tag, command] : commands_) {
    text += fmt::format(" {} {} lun {} cid {} CmdSN {}{}{}", tag, command.write ? "write" : "read", command.lun,
                        command.cid, command.cmd_sn, command.may_vanish ? " (may vanish)" : "",
                        command.answer ? " (answered)" : "");
  }
  for (const auto& [tag, function] : functions_) {
    text += fmt::format(" {} function {} by cid {}", tag, function.function, function.cid);
  }
  for (const Link& link : links_) {
    text += fmt::format(" [cid {}{}{}]", link.cid, is_lost(link) ? " lost" : "", link.wire->closed() ? " closed" : "");
  }
  return fmt::format("host {} level {}:{}", index_, level_, text);
}

}  // namespace sim
