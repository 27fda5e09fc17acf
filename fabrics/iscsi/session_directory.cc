// Session reinstatement and TSIHs.
#include "fabrics/iscsi/session_directory.h"

namespace iscsi {
namespace {

std::string key_of(const LoginIdentity& identity) {
  return initiator_port(identity.initiator, identity.isid).name + '\n' +
         target_port_name(identity.target, identity.portal_group);
}

}  // namespace

void SessionDirectory::request(SessionRequest request) {
  if (request.identity.tsih != 0) {
    host_.grant(request, join(request));
    return;
  }
  if (request.identity.discovery) {
    grant(request, "");
    return;
  }
  std::string key = key_of(request.identity);
  const auto same = by_key_.find(key);
  if (same == by_key_.end()) {
    grant(request, std::move(key));
    return;
  }
  Entry& old = sessions_.at(same->second);
  old.waiting.push_back(std::move(request));
  if (old.ending) return;
  old.ending = true;
  host_.end(old.shard, same->second);
}

// A further connection for a session; whether there is room for it, the session itself will say.
SessionGrant SessionDirectory::join(const SessionRequest& request) const {
  constexpr std::size_t kGroup = 4;  // digits of the portal group, at the end of a key
  const auto named = tsihs_.find(request.identity.tsih);
  const Entry* const entry = named == tsihs_.end() ? nullptr : &sessions_.at(named->second);
  const std::string key = key_of(request.identity);
  if (entry == nullptr || entry->ending || entry->key.size() != key.size() ||
      key.compare(0, key.size() - kGroup, entry->key, 0, key.size() - kGroup) != 0) {
    return {.status = LoginStatus::kSessionDoesNotExist};
  }
  if (entry->key != key) return {.status = LoginStatus::kCannotIncludeInSession};  // 4.1: one portal group
  return {.status = LoginStatus::kSuccess,
          .session = named->second,
          .tsih = entry->tsih,
          .joins = true,
          .shard = entry->shard};
}

void SessionDirectory::grant(const SessionRequest& request, std::string key) {
  std::uint16_t tsih = 0;
  const std::uint64_t id = next_id_++;
  if ((!key.empty() && full(request)) || !take_tsih(tsih, id)) {
    host_.grant(request, {.status = LoginStatus::kOutOfResources});
    return;
  }
  Entry entry{.key = std::move(key), .target = "", .portal = "", .shard = request.shard, .tsih = tsih, .waiting = {}};
  if (!entry.key.empty()) {
    by_key_.emplace(entry.key, id);
    entry.target = request.identity.target;
    entry.portal = request.limits.portal;
    by_target_.add(entry.target);
    by_portal_.add(entry.portal);
    host_.shared(entry.target, by_target_.count(entry.target));
  }
  sessions_.emplace(id, std::move(entry));
  host_.grant(request, {.session = id, .tsih = tsih, .shard = request.shard});
}

bool SessionDirectory::full(const SessionRequest& request) const {
  const SessionLimits& limits = request.limits;
  return (limits.target_sessions != 0 && by_target_.count(request.identity.target) >= limits.target_sessions) ||
         (limits.portal_sessions != 0 && by_portal_.count(limits.portal) >= limits.portal_sessions);
}

bool SessionDirectory::take_tsih(std::uint16_t& tsih, std::uint64_t session) {
  if (tsihs_.size() == 0xffff) return false;
  while (next_tsih_ == 0 || tsihs_.contains(next_tsih_)) ++next_tsih_;
  tsih = next_tsih_++;
  tsihs_.emplace(tsih, session);
  return true;
}

void SessionDirectory::session_gone(std::uint64_t session) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return;
  const Entry entry = std::move(at->second);
  sessions_.erase(at);
  tsihs_.erase(entry.tsih);
  by_key_.erase(entry.key);
  if (!entry.key.empty()) {
    by_target_.remove(entry.target);
    by_portal_.remove(entry.portal);
    host_.shared(entry.target, by_target_.count(entry.target));
  }
  // Those who waited, in their order: each reinstates the one before.
  for (const SessionRequest& each : entry.waiting) request(each);
}

void SessionDirectory::restore(const SessionState& state, std::uint32_t shard) {
  Entry entry{.key = "", .target = "", .portal = "", .shard = shard, .tsih = state.tsih, .waiting = {}};
  if (!state.identity.discovery) {
    entry.key = key_of(state.identity);
    entry.target = state.identity.target;
    entry.portal = state.portal;
    by_key_.emplace(entry.key, state.id);
    by_target_.add(entry.target);
    by_portal_.add(entry.portal);
    host_.shared(entry.target, by_target_.count(entry.target));
  }
  tsihs_.emplace(state.tsih, state.id);
  sessions_.emplace(state.id, std::move(entry));
}

void SessionDirectory::go_on(std::uint64_t next_id, std::uint16_t next_tsih) {
  next_id_ = next_id;
  next_tsih_ = next_tsih;
}

std::string SessionDirectory::portal_of(std::uint64_t session) const {
  const auto at = sessions_.find(session);
  return at == sessions_.end() ? "" : at->second.portal;
}

bool SessionDirectory::find(std::uint64_t session, std::uint32_t& shard) const {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return false;
  shard = at->second.shard;
  return true;
}

}  // namespace iscsi
