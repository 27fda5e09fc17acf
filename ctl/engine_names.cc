// RADIUS and iSNS servers of the configuration: who is asked, and where targets are registered.
#include <algorithm>
#include <utility>

#include "ctl/domains.h"
#include "ctl/engine.h"
#include "ctl/files.h"
#include "ctl/isns/sockets.h"
#include "ctl/log.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxSecretFile = 4096;

// The first line; editors put an end of line behind it.
std::string first_line(std::string text) {
  std::string line = text.substr(0, text.find_first_of("\r\n"));
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
      kept.back()->on_members([this] { domains_changed(); });
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

// One change of the fabric at a time. What is in force is kept while discovery domains may change who may log in.
void Engine::change_fabric(iscsi::FabricConfig fabric, Done done) {
  if (fabric_changes_) {
    return waiting_changes_.push_back([this, fabric = std::move(fabric), done = std::move(done)]() mutable {
      change_fabric(std::move(fabric), std::move(done));
    });
  }
  fabric_changes_ = true;
  std::vector<const isns::Client*> servers;
  for (const auto& client : isns_) servers.push_back(client.get());
  parts_.fabric.apply(within_domains(fabric, servers), [this, fabric, done](const base::Result<void>& result) mutable {
    fabric_changes_ = false;
    fabric_ = without_secrets(std::move(fabric_));
    if (result && controls_access(fabric)) {
      fabric_ = std::move(fabric);
    } else {
      fabric = without_secrets(std::move(fabric));
    }
    done(result);
    if (!waiting_changes_.empty()) {
      const std::function<void()> next = std::move(waiting_changes_.front());
      waiting_changes_.pop_front();
      return next();
    }
    if (std::exchange(domains_changed_, false)) domains_changed();
  });
}

void Engine::domains_changed() {
  if (!controls_access(fabric_)) return;
  if (fabric_changes_ || domains_held_) {
    domains_changed_ = true;
    return;
  }
  change_fabric(fabric_, [](const base::Result<void>& result) {
    if (!result) kLog.error("discovery domains: {}", result.error().text);
  });
}

bool Engine::hold_domains() {
  if (fabric_changes_) return false;
  return domains_held_ = true;
}

void Engine::let_domains_go() {
  domains_held_ = false;
  if (!fabric_changes_ && std::exchange(domains_changed_, false)) domains_changed();
}

std::vector<isns::Info> Engine::list_isns() const {
  std::vector<isns::Info> out;
  for (const auto& client : isns_) out.push_back(client->info());
  return out;
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
