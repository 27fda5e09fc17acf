// What a port hears of its link, its fabric and its adapter.
#include <utility>

#include "base/cursor.h"
#include "fabrics/fcp/port_control.h"
#include "hal/port/fc_els.h"

namespace fcp {

// The WWPN is known by now; it stays what it is while there are sessions.
void PortControl::publish_identity() {
  const hal::fc::Wwn wwpn = port_.info().port_name;
  const base::be64 bytes = wwpn.raw;
  scsi::TargetPortIdentity identity{.protocol = 0,
                                    .relative_id = config_.relative_id,
                                    .port_group = config_.port_group,
                                    .target_name = name_,
                                    .port_name = {reinterpret_cast<const char*>(&bytes), sizeof bytes}};
  if (identity == identity_ || !logins_.empty()) return;
  identity_ = std::move(identity);
  for (const auto& lane : lanes_) {
    lane->reactor().post_function([to = lane.get(), who = identity_] { to->set_identity(who); });
  }
  host_.port_named(name_, wwpn);
}

void PortControl::link_up(const hal::fc::Link& link) {
  note(PortEvent::kLinkUp, to_string(link.fabric_name), link.id.raw);
  publish_identity();
  if (state_ != State::kOn) return;
  const bool fabric = link.topology == hal::fc::Topology::kFabric || link.topology == hal::fc::Topology::kPublicLoop;
  const hal::fc::PortInfo info = port_.info();
  in_fabric_ = fabric;
  if (!fabric) {
    stop_asking("not in a fabric");
    state_reports_.forget();
    const bool has_peer = link.topology == hal::fc::Topology::kPointToPoint && link.peer.port_name.raw != 0;
    if (has_peer && info.port_name > link.peer.port_name) peer_login_.start(link.peer);
    return;
  }
  registration_.start({.id = link.id,
                       .port = info.port_name,
                       .node = info.node_name,
                       .symbolic_port = "Outboard " + name_,
                       .symbolic_node = "Outboard"});
}

void PortControl::link_down() {
  note(PortEvent::kLinkDown, {});
  stop_asking("link down");
}

// What we asked of others, by a link that is gone.
void PortControl::stop_asking(const char* why) {
  registration_.stop(why);
  peer_login_.stop();
  state_reports_.allow(false);
}

void PortControl::login_answered(hal::fc::PortId port, base::Result<void> result) {
  if (port == hal::fc::kNameServer) return registration_.login_answered(result);
  if (!peer_login_.answered(port, result)) return;
  const hal::fc::RemotePort& peer = peer_login_.peer();
  known_[peer.port_name] = peer.id;
  kLog.info("{}: point to point: logged in to {}", name_, to_string(peer.port_name));
}

void PortControl::ct_answered(std::uint32_t id, hal::fc::CtStatus status, std::span<const std::byte> reply) {
  registration_.ct_answered(id, status, reply);
}

void PortControl::registered(std::uint32_t tries) {
  ++counters_.registrations;
  note(PortEvent::kRegistered, {}, tries);
  kLog.info("{}: registered with the name server", name_);
  state_reports_.allow(true);
}

void PortControl::registration_failed(const char* step, const std::string& why, bool final) {
  ++counters_.registrations_failed;
  note(PortEvent::kRegistrationFailed, why);
  if (final || log_budget_.allow(reactor_.now())) {
    kLog.warn("{}: registration with the name server failed: {}: {}{}", name_, step, why,
              final ? "; initiators will not find the port before the link comes up anew" : "");
  }
}

// A target asks nobody for anything: initiators that are gone are the adapter's to notice.
void PortControl::state_changed(std::span<const std::byte> pages) {
  base::Reader reader(pages);
  while (reader.left() >= sizeof(hal::fc::RscnPage)) {
    const auto page = *reader.read<hal::fc::RscnPage>();
    ++counters_.state_changes;
    note(PortEvent::kStateChanged, {}, std::uint32_t{page.qualifier_format} << 24 | std::uint32_t{page.port_id});
  }
}

void PortControl::logical_units_changed() {
  reactor_.post_function([this] {
    if (state_ == State::kOn && in_fabric_ && config_.report_changes) state_reports_.changed();
  });
}

// Not tried again: who sends commands hears of it by unit attention, and others find out when they look.
void PortControl::state_change_reported(base::Result<void> result) {
  state_reports_.answered();
  const std::uint32_t id = port_.info().where.id.raw;
  if (result) {
    ++counters_.state_reports;
    return note(PortEvent::kStateReported, {}, id);
  }
  ++counters_.state_reports_failed;
  note(PortEvent::kStateReportFailed, result.error().text, id);
  if (log_budget_.allow(reactor_.now()))
    kLog.info("{}: the fabric does not pass on an RSCN: {}", name_, result.error().text);
}

void PortControl::adapter_failed(const std::string& reason, bool recovers) {
  ++counters_.adapter_failures;
  note(PortEvent::kAdapterFailed, reason, recovers ? 1 : 0);
  stop_asking("adapter failed");
  waiting_.clear();  // the exchanges that they came by are gone
  known_.clear();
  if (recovers) {
    kLog.warn("{}: {}; the adapter is being brought up again", name_, reason);
  } else {
    kLog.error("{}: {}", name_, reason);
    host_.port_failed(name_, reason);
  }
}

}  // namespace fcp
