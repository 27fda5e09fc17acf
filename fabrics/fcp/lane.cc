// Sessions of a lane: their beginning and their end.
#include "fabrics/fcp/lane.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/endian.h"

namespace fcp {
namespace {

scsi::TransportId transport_id(hal::fc::Wwn name) {  // SPC-5 7.6.4.2
  const base::be64 bytes = name.raw;
  return {.protocol = 0, .name = std::string(reinterpret_cast<const char*>(&bytes), sizeof bytes)};
}

}  // namespace

Lane::Lane(hal::fc::FcQueue& queue, scsi::TaskRouter& router, LaneHost& host, std::string name)
    : queue_(queue),
      reactor_(queue.reactor()),
      router_(router),
      host_(host),
      name_(std::move(name)),
      slot_count_(queue.exchange_count()),
      slots_(std::make_unique<Slot[]>(slot_count_)) {
  identity_.protocol = 0;
  identity_.target_name = name_;
  queue.set_user(*this);
}

Lane::~Lane() {
  for (auto& session : sessions_) {
    if (session == nullptr) continue;
    kLog.error("{}: the session of {} did not end in time", name_, to_string(session->initiator.port_name));
    static_cast<void>(session.release());  // the core still knows it
    static_cast<void>(slots_.release());
  }
}

void Lane::set_identity(scsi::TargetPortIdentity identity) {
  for (const auto& session : sessions_) CHECK(session == nullptr);
  identity_ = std::move(identity);
}

void Lane::establish(Session session) {
  if (session.login >= sessions_.size()) sessions_.resize(session.login + std::size_t{1});
  auto& place = sessions_[session.login];
  CHECK(place == nullptr);
  place = std::make_unique<Session>(session);
  place->nexus = &router_.nexus_established(*this, transport_id(session.initiator.port_name), place.get());
  note(PortEvent::kLoggedIn, *place, session.id);
  host_.session_ready(session.login);
}

void Lane::lose(hal::fc::LoginId login) {
  Session* const session = session_of(login);
  CHECK(session != nullptr && !session->lost);
  session->lost = true;
  note(PortEvent::kLoginEnded, *session, session->id);
  router_.nexus_lost(*session->nexus);
}

void Lane::nexus_quiet(scsi::Nexus& nexus) {
  Session& session = *static_cast<Session*>(nexus.port_context);
  session.nexus = nullptr;
  end_if_quiet(session);
}

// The adapter may still be ending exchanges that the core has dropped.
void Lane::end_if_quiet(Session& session) {
  if (session.nexus != nullptr || session.exchanges != 0) return;
  CHECK(session.management == 0);
  const hal::fc::LoginId login = session.login;
  sessions_[login].reset();
  host_.session_gone(login);
}

void Lane::end_nexus(scsi::Nexus& nexus) { host_.session_unwanted(static_cast<Session*>(nexus.port_context)->login); }

void Lane::note(PortEvent event, const Session& session, std::uint64_t detail) {
  events_.add(reactor_.now(), event, to_string(session.initiator.port_name), detail);
}

std::vector<SessionInfo> Lane::sessions() const {
  std::vector<SessionInfo> list;
  for (const auto& session : sessions_) {
    if (session == nullptr) continue;
    list.push_back({.id = session->id,
                    .port = name_,
                    .initiator = session->initiator,
                    .service_parameters = session->service_parameters,
                    .commands = session->commands,
                    .in_flight = session->exchanges,
                    .read_bytes = session->read_bytes,
                    .write_bytes = session->write_bytes,
                    .ending = session->lost});
    if (session->nexus != nullptr) list.back().statistics = session->nexus->statistics();
  }
  return list;
}

std::vector<EventInfo> Lane::events() const {
  std::vector<EventInfo> list;
  std::uint64_t number = events_.overwritten();
  events_.for_each([&](const PortEvents::Entry& entry) {
    list.push_back({.age = reactor_.now() - entry.at,
                    .port = name_,
                    .event = fcp::name(entry.event),
                    .subject = std::string(entry.subject()),
                    .detail = entry.detail,
                    .ring = fmt::format("{}/{}", name_, reactor_.index),
                    .at = entry.at,
                    .number = ++number});
  });
  return list;
}

}  // namespace fcp
