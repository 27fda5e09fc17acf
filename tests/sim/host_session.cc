// A host's session and its connections: how they begin, are lost and come back.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

namespace {

constexpr std::size_t kMostConnections = 3;

std::string login_text(std::uint8_t index, bool leading, bool small_bursts, bool digests) {
  std::string text = fmt::format("InitiatorName=iqn.2026-01.test:host{}", index);
  text.push_back('\0');
  const auto add = [&](const char* pair) { text.append(pair).push_back('\0'); };
  add("TargetName=iqn.2026-01.test:open");
  if (digests) add("HeaderDigest=CRC32C"), add("DataDigest=CRC32C");
  if (!leading) return text;
  add("InitialR2T=No");
  add("MaxOutstandingR2T=2");
  add("MaxConnections=3");
  if (small_bursts) add("FirstBurstLength=4096"), add("MaxBurstLength=8192");
  return text;
}

}  // namespace

std::vector<Host::Link*> Host::live() {
  std::vector<Link*> all;
  for (Link& link : links_) {
    if (link.wire->full_feature() && !link.wire->closed()) all.push_back(&link);
  }
  return all;
}

std::vector<const Host::Link*> Host::live() const {
  std::vector<const Link*> all;
  for (Link* link : const_cast<Host*>(this)->live()) all.push_back(link);
  return all;
}

bool Host::log_in(Link& link) {
  link.wire = std::make_unique<StrictInitiator>(shared_.world.connect(fmt::format("10.0.0.{}:50000", 9 + index_)));
  link.wire->heard = [this, cid = link.cid](const auto& header, auto data) { heard(cid, header, data); };
  const std::string text = login_text(index_, tsih_ == 0, small_bursts_, choose(3) == 0);
  pdu::LoginRequest request;
  request.flags = 0x87;  // operational negotiation, then full feature phase
  request.isid = {0, 2, 0x3d, 0, 0, index_};
  request.tsih = tsih_;
  request.cid = link.cid;
  request.cmd_sn = cmd_sn_;
  request.initiator_task_tag = next_tag_++;
  link.wire->send(request, std::as_bytes(std::span(text)));
  // What listens must not see a vector that grows: the link is in links_ already.
  for (int i = 0; i < 80 && !link.wire->full_feature() && !link.wire->closed(); ++i) {
    if (i != 0) shared_.world.advance(std::chrono::seconds(1));  // commands that are held up delay a reinstatement
    shared_.settle();
  }
  return link.wire->full_feature();
}

// The same initiator port again: the session is reinstated (RFC 7143 6.3.5), so once this login has succeeded, nothing
// of the old session is left.
void Host::connect() {
  functions_are_lost();
  links_.clear();
  links_.reserve(kMostConnections);
  tsih_ = last_cid_ = 0;
  cmd_sn_ = 1;
  small_bursts_ = choose(2) != 0;
  links_.push_back({++last_cid_, nullptr});
  REQUIRE(log_in(links_.back()));
  dark_ = false;
  session_is_gone();
}

void Host::join() {
  if (!connected() || links_.size() == kMostConnections) return;
  links_.push_back({++last_cid_, nullptr});
  // It is refused when the session has gone meanwhile.
  if (log_in(links_.back())) {
    ++connections_.joined;
  } else {
    REQUIRE(links_.back().wire->closed() || !connected());
  }
}

void Host::cut() {
  if (!connected()) return;
  any_live().wire->cut = true;
  dark_ = true;
}

// The connection's place is taken by a new one with the same CID (RFC 7143 6.3.4): once that login has succeeded,
// nothing of the old one is left, and what the target never received is sent again, with its CmdSN.
void Host::recover() {
  std::vector<Link*> choice = live();
  if (choice.size() < 2) return dark_ ? connect() : void();
  if (dark_) std::erase_if(choice, [](const Link* link) { return !link->wire->cut; });
  if (choice.empty()) return;
  Link& link = *choice[choose(choice.size())];
  functions_are_lost(link.cid);
  for (auto& [tag, command] : commands_) {
    if (command.cid == link.cid) command.may_vanish = true;
  }
  if (!log_in(link)) return connect();  // the session has gone, too
  ++connections_.reinstated;
  send_again(link);
  noticed_dark();
}

void Host::send_again(Link& link) {
  const std::uint32_t expected = link.wire->exp_cmd_sn();
  for (auto at = commands_.begin(); at != commands_.end();) {
    const auto one = at++;
    const bool arrived = pdu::serial_less(one->second.cmd_sn, expected);
    if (!arrived) one->second.sent_at = ++shared_.clock;  // or it was held behind what is sent now
    if (one->second.cid != link.cid) continue;
    if (arrived) {
      forget(one);
      continue;
    }
    one->second.may_vanish = false;
    ++connections_.sent_again;
    if (one->second.write) {
      send_write(link, one->first, one->second);
    } else {
      send_read(link, one->first, one->second);
    }
  }
}

bool Host::is_cut(std::uint16_t cid) const {
  return std::any_of(links_.begin(), links_.end(),
                     [&](const Link& link) { return link.cid == cid && link.wire != nullptr && link.wire->cut; });
}

std::vector<Ended> Host::take_ended() {
  for (const auto& [tag, function] : functions_) {
    if (function.function == kAbortTask || (links_.size() < 2 && !is_cut(function.cid))) continue;
    ended_.push_back({function.function, function.lun, 0, 0, true});
  }
  return std::move(ended_);
}

void Host::noticed_dark() {
  dark_ = std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.wire && link.wire->cut; });
}

void Host::session_is_gone() {
  while (!commands_.empty()) forget(commands_.begin());
  functions_are_lost();
}

void Host::functions_are_lost() {
  for (const Link& link : links_) functions_are_lost(link.cid);
}

void Host::functions_are_lost(std::uint16_t cid) {
  for (const auto& [tag, function] : functions_) {
    if (function.cid == cid && function.function != kAbortTask) {
      ended_.push_back({function.function, function.lun, 0, 0, true});
    }
  }
  std::erase_if(functions_, [&](const auto& one) { return one.second.cid == cid; });
}

void Host::log_out() {
  if (!connected()) return;
  Link& link = any_live();
  pdu::LogoutRequest request;
  request.initiator_task_tag = next_tag_++;
  request.cid = link.cid;
  request.cmd_sn = cmd_sn_;
  request.opcode |= 0x40;
  request.exp_stat_sn = link.wire->exp_stat_sn();
  if (live().size() > 1 && choose(2) != 0) request.flags = 0x80 | 1;  // this connection only; else the session
  link.wire->send(request);
}

}  // namespace sim
