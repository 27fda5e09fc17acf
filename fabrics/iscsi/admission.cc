// Counting connections and logins.
#include "fabrics/iscsi/admission.h"

#include <algorithm>

namespace iscsi {

void Counts::remove(const std::string& name) {
  const auto at = counts_.find(name);
  if (at != counts_.end() && --at->second == 0) counts_.erase(at);
}

std::uint32_t Counts::count(const std::string& name) const {
  const auto at = counts_.find(name);
  return at == counts_.end() ? 0 : at->second;
}

const char* Admission::refusal(const Limits& limits, const std::string& host, const Portal& portal) const {
  if (connections_ >= limits.max_connections) return "too many connections";
  if (portal.max_connections != 0 && portals_.count(portal.address) >= portal.max_connections) {
    return "too many connections by this portal";
  }
  if (all_logins_ >= limits.max_logins) return "too many logins";
  if (logins_.count(host) >= limits.max_logins_per_peer) return "too many logins from there";
  return nullptr;
}

void Admission::arrived(std::uint64_t id, const std::string& host, const Portal& portal) {
  logins_.add(host);
  ++all_logins_;
  ++connections_;
  portals_.add(portal.address);
  by_id_.emplace(id, Place{.portal = portal.address});
}

void Admission::login_over(const std::string& host) {
  logins_.remove(host);
  --all_logins_;
}

void Admission::moves(std::uint64_t id) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return;
  ++connections_;
  ++at->second.copies;
}

void Admission::gone(std::uint64_t id) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return;
  --connections_;
  if (--at->second.copies != 0) return;
  portals_.remove(at->second.portal);
  by_id_.erase(at);
}

std::string Admission::portal_of(std::uint64_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? "" : at->second.portal;
}

bool LoginRates::allow(const std::string& name, std::uint32_t per_second, base::Time now) {
  if (per_second == 0) return true;
  const auto [at, fresh] = buckets_.try_emplace(name, Bucket{.filled = now, .tokens = static_cast<double>(per_second)});
  Bucket& bucket = at->second;
  const double passed = std::chrono::duration<double>(now - bucket.filled).count();
  bucket.tokens = std::min<double>(per_second, bucket.tokens + passed * per_second);
  bucket.filled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace iscsi
