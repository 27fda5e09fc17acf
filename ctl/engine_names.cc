// RADIUS and iSNS servers of the configuration: who is asked, and where targets are registered.
#include <algorithm>

#include "ctl/engine.h"
#include "ctl/files.h"
#include "ctl/isns/sockets.h"
#include "ctl/log.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxSecretFile = 4096;

// The first line; editors put an end of line behind it.
std::string first_line(std::string text) {
  const std::string line = text.substr(0, text.find_first_of("\r\n"));
  iscsi::wipe(text);
  return line;
}

}  // namespace

// The secret is read with each change, so that a new one comes into force by applying the same configuration again.
base::Result<void> Engine::use_radius(const iscsi::RadiusServers& servers) {
  if (servers.addresses.empty() && radius_servers_.addresses.empty()) return {};
  std::string secret;
  if (!servers.addresses.empty()) {
    secret = first_line(TRY(read_named_file(servers.secret_file, kMaxSecretFile, true)));
    if (secret.empty()) return base::fail(base::Errc::kInvalid, servers.secret_file + ": there is no secret in it");
  }
  const bool same = servers == radius_servers_ && radius_.has_secret(secret);
  base::Result<void> used;
  if (!same) used = radius_.use(servers, secret);
  iscsi::wipe(secret);
  if (used) radius_servers_ = servers;
  return used;
}

void Engine::register_names(const iscsi::FabricConfig& fabric) {
  const isns::Offer offer = isns::offer_of(fabric, parts_.fabric.portal_addresses());
  std::vector<std::unique_ptr<isns::Client>> kept;
  for (const iscsi::IsnsServer& server : fabric.isns) {
    const auto same = std::find_if(isns_.begin(), isns_.end(),
                                   [&](const auto& client) { return client != nullptr && client->server() == server; });
    if (same != isns_.end()) {
      kept.push_back(std::move(*same));
    } else if (auto sockets = isns::Sockets::open(parts_.control, server.address)) {
      kept.push_back(std::make_unique<isns::Client>(parts_.control, server, std::move(*sockets)));
    } else {
      kLog.error("iSNS server {}: {}", server.address, sockets.error().text);
    }
  }
  for (auto& gone : isns_) {
    if (gone == nullptr) continue;
    isns::Client* const leaving = gone.get();
    leaving_isns_.push_back(std::move(gone));
    leaving->stop([this, leaving] {  // it has taken back what it had registered
      std::erase_if(leaving_isns_, [leaving](const auto& each) { return each.get() == leaving; });
    });
  }
  isns_ = std::move(kept);
  for (const auto& client : isns_) client->offer(offer);
}

void Engine::leave_name_services(std::function<void()> done) {
  if (isns_.empty()) return parts_.control.post_function(std::move(done));
  auto* const left = new std::size_t(isns_.size());  // deleted by the last
  for (const auto& client : isns_) {
    client->stop([left, done] {
      if (--*left != 0) return;
      delete left;
      done();
    });
  }
}

}  // namespace ctl
