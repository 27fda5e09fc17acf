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
  if (request.identity.discovery) {
    grant(request, "");
    return;
  }
  std::string key = key_of(request.identity);
  if (request.identity.tsih != 0) {
    host_.grant(request, 0, join_status(request, key), 0);
    return;
  }
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

// A further connection for a session: there is room for one only.
LoginStatus SessionDirectory::join_status(const SessionRequest& request, const std::string& key) const {
  const auto same = by_key_.find(key);
  if (same == by_key_.end() || sessions_.at(same->second).tsih != request.identity.tsih) {
    return LoginStatus::kSessionDoesNotExist;
  }
  return LoginStatus::kTooManyConnections;
}

void SessionDirectory::grant(const SessionRequest& request, std::string key) {
  std::uint16_t tsih = 0;
  if (!take_tsih(tsih)) {
    host_.grant(request, 0, LoginStatus::kOutOfResources, 0);
    return;
  }
  const std::uint64_t id = next_id_++;
  if (!key.empty()) by_key_.emplace(key, id);
  sessions_.emplace(id, Entry{.key = std::move(key), .shard = request.shard, .tsih = tsih, .waiting = {}});
  host_.grant(request, id, LoginStatus::kSuccess, tsih);
}

bool SessionDirectory::take_tsih(std::uint16_t& tsih) {
  if (tsihs_.size() == 0xffff) return false;
  while (next_tsih_ == 0 || tsihs_.contains(next_tsih_)) ++next_tsih_;
  tsih = next_tsih_++;
  tsihs_.insert(tsih);
  return true;
}

void SessionDirectory::session_gone(std::uint64_t session) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return;
  const Entry entry = std::move(at->second);
  sessions_.erase(at);
  tsihs_.erase(entry.tsih);
  by_key_.erase(entry.key);
  // Those who waited, in their order: each reinstates the one before.
  for (const SessionRequest& each : entry.waiting) request(each);
}

bool SessionDirectory::find(std::uint64_t session, std::uint32_t& shard) const {
  const auto at = sessions_.find(session);
  if (at == sessions_.end()) return false;
  shard = at->second.shard;
  return true;
}

}  // namespace iscsi
