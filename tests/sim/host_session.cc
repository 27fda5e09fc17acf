// A host's session and its connections: how they begin and end.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

namespace {

constexpr std::size_t kMostConnections = 3;

}  // namespace

std::string Host::login_text() {
  std::string text = fmt::format("InitiatorName=iqn.2026-01.test:host{}", index_);
  text.push_back('\0');
  const auto add = [&](const char* pair) { text.append(pair).push_back('\0'); };
  add("TargetName=iqn.2026-01.test:open");
  if (choose(3) == 0) add("HeaderDigest=CRC32C"), add("DataDigest=CRC32C");
  if (tsih_ != 0) return text;
  add("InitialR2T=No");
  add("MaxOutstandingR2T=2");
  add("MaxConnections=3");
  if (level_ != 0 || any_order_) text += fmt::format("ErrorRecoveryLevel={}", level_), text.push_back('\0');
  if (any_order_) add("DataPDUInOrder=No"), add("DataSequenceInOrder=No");
  if (small_bursts_) add("FirstBurstLength=4096"), add("MaxBurstLength=8192");
  return text;
}

// --- which there are ---

std::vector<Host::Link*> Host::live() {
  std::vector<Link*> all;
  for (Link& link : links_) {
    if (is_live(link)) all.push_back(&link);
  }
  return all;
}

std::vector<const Host::Link*> Host::live() const {
  std::vector<const Link*> all;
  for (const Link& link : links_) {
    if (is_live(link)) all.push_back(&link);
  }
  return all;
}

std::vector<Host::Link*> Host::open() {
  std::vector<Link*> all = live();
  std::erase_if(all, [](const Link* link) { return link->closing; });
  return all;
}

Host::Link& Host::any_open() {
  const std::vector<Link*> all = open();
  return *all[choose(all.size())];
}

Host::Link* Host::find(std::uint16_t cid) {
  const auto at = std::find_if(links_.begin(), links_.end(), [cid](const Link& link) { return link.cid == cid; });
  return at == links_.end() ? nullptr : &*at;
}

// RFC 7143 4.2.2.3: a status is not acknowledged before all data that it speaks of has come.
std::uint32_t Host::expects(const Link& link) const {
  std::uint32_t all = link.wire->exp_stat_sn();
  for (const auto& [tag, command] : commands_) {
    if (command.cid != link.cid || !command.answer) continue;
    if (pdu::serial_less(command.answer->stat_sn, all)) all = command.answer->stat_sn;
  }
  return all;
}

bool Host::is_lost(const Link& link) const {
  return link.wire != nullptr && (link.wire->cut || (link.wire->closed() && level_ == 2 && !link.leaving));
}

bool Host::is_cut(std::uint16_t cid) const {
  return std::any_of(links_.begin(), links_.end(),
                     [&](const Link& link) { return link.cid == cid && link.wire != nullptr && link.wire->cut; });
}

bool Host::dark() const {
  return coming_back_ || std::any_of(links_.begin(), links_.end(), [this](const Link& link) { return is_lost(link); });
}

// --- beginning ---

bool Host::log_in(Link& link) {
  const std::string text = login_text();
  link.wire = std::make_unique<StrictInitiator>(shared_.world.connect(fmt::format("10.0.0.{}:50000", 9 + index_)));
  link.wire->heard = [this, cid = link.cid](const auto& header, auto data) { heard(cid, header, data); };
  link.closing = link.leaving = false;
  if (level_ != 0) {
    link.wire->loses = [this, cid = link.cid](const auto& header) { return loses(*find(cid), header); };
    if (tsih_ != 0) link.wire->joins(tsih_);
  }
  pdu::LoginRequest request;
  request.flags = 0x87;  // operational negotiation, then full feature phase
  request.isid = {0, 2, 0x3d, 0, 0, index_};
  request.tsih = tsih_;
  request.cid = link.cid;
  request.cmd_sn = cmd_sn_;
  request.initiator_task_tag = next_tag_++;
  link.wire->send(request, std::as_bytes(std::span(text)));
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
  coming_back_ = false;
  links_.clear();
  links_.reserve(kMostConnections);
  tsih_ = last_cid_ = 0;
  cmd_sn_ = 1;
  small_bursts_ = choose(2) != 0;
  level_ = static_cast<std::uint8_t>(choose(2) * (1 + choose(2)));
  any_order_ = level_ == 0 && choose(2) != 0;
  links_.push_back({.cid = ++last_cid_});
  REQUIRE(log_in(links_.back()));
  session_is_gone();
}

void Host::session_is_gone() {
  while (!commands_.empty()) forget(commands_.begin());
  functions_are_lost();
  past_.clear();
  attentions_.new_session();
}

void Host::join() {
  if (open().empty() || links_.size() == kMostConnections) return;
  links_.push_back({.cid = ++last_cid_});
  // It is refused when the session has gone meanwhile.
  if (log_in(links_.back())) {
    ++counts_.joined;
  } else {
    REQUIRE(links_.back().wire->closed() || !connected());
    links_.pop_back();
  }
}

// --- ends ---

void Host::cut() {
  if (open().empty()) return;
  Link& link = any_open();
  if (link.wire->cut) return;
  link.wire->cut = true;
  link.lost_at = shared_.world.now();
}

void Host::log_out() {
  if (open().empty()) return;
  Link& link = any_open();
  pdu::LogoutRequest request;
  request.initiator_task_tag = next_tag_++;
  request.cid = link.cid;
  request.cmd_sn = cmd_sn_;
  request.opcode |= 0x40;
  request.exp_stat_sn = expects(link);
  if (open().size() > 1 && choose(2) != 0) request.flags = 0x80 | 1;  // this connection only; else the session
  if (level_ == 2 && choose(2) != 0) request.flags = 0x80 | 2;        // ... for recovery
  const std::uint8_t reason = request.flags & 0x7f;
  for (Link& each : links_) {
    const bool concerned = reason == 0 || &each == &link;
    each.closing = each.closing || concerned;
    each.leaving = each.leaving || (concerned && reason != 2);
  }
  link.wire->send(request);
}

bool Host::log_out_for_recovery(Link& lost, Link& by) {
  pdu::LogoutRequest request;
  request.initiator_task_tag = next_tag_++;
  request.cid = lost.cid;
  request.cmd_sn = cmd_sn_;
  request.opcode |= 0x40;
  request.flags = 0x80 | 2;
  request.exp_stat_sn = expects(by);
  logged_out_ = false;
  by.wire->send(request);
  for (int i = 0; i < 80 && !logged_out_ && is_live(by); ++i) {
    if (i != 0) shared_.world.advance(std::chrono::seconds(1));
    shared_.settle();
  }
  return logged_out_;
}

// Commands of a connection that has ended, and that is not to come back, are sent by another one if they have not
// arrived (RFC 7143 7.2.1: their place in the order of commands must be filled); else they ended with it.
void Host::tidy() {
  const auto ended = [this](const Link& link) { return link.wire->closed() && !is_lost(link); };
  for (;;) {
    const auto gone = std::find_if(links_.begin(), links_.end(), ended);
    std::vector<Link*> others = open();
    std::erase_if(others, [](const Link* link) { return link->wire->cut; });
    if (gone == links_.end() || others.empty()) return;
    Link& by = *others[choose(others.size())];
    const std::uint16_t cid = gone->cid;
    const bool damage = std::exchange(shared_.damage, false);
    ping(by);
    shared_.settle();
    shared_.damage = damage;
    if (by.wire->closed()) continue;
    const std::uint32_t expected = by.wire->exp_cmd_sn();
    for (auto& [tag, command] : commands_) {
      if (pdu::serial_less(command.cmd_sn, expected)) continue;
      command.sent_at = ++shared_.clock;  // or it was held behind what is sent now
      if (command.cid == cid) send_again(by, tag, command);
    }
    std::erase_if(links_, [cid](const Link& link) { return link.cid == cid; });
  }
}

}  // namespace sim
