// SendTargets.
#include "fabrics/iscsi/discovery.h"

#include <algorithm>

#include "fabrics/iscsi/login.h"
#include "hal/port/address_text.h"

namespace iscsi {
namespace {

bool is_ipv6(std::string_view address) { return address.starts_with('['); }

}  // namespace

std::optional<std::string> reachable_address(const std::string& portal, const std::string& local) {
  const std::string_view host = hal::host_of(portal);
  if (host != "0.0.0.0" && host != "[::]") return portal;
  if (is_ipv6(portal) != is_ipv6(local)) return std::nullopt;
  return std::string(hal::host_of(local)).append(":").append(hal::port_of(portal));
}

TargetListing::TargetListing(SettingsRef settings, const LoginIdentity& who, std::string local_address,
                             std::optional<std::string> only)
    : settings_(std::move(settings)),
      initiator_(who.initiator),
      peer_(who.peer),
      local_address_(std::move(local_address)),
      portal_group_(who.portal_group) {
  const auto& targets = settings_->config().targets;
  end_ = targets.size();
  if (only) {
    const Target* const target = settings_->find_target(*only);
    next_ = target == nullptr ? end_ : static_cast<std::size_t>(target - targets.data());
    end_ = std::min(end_, next_ + 1);
  }
  while (rest_.empty() && next_ < end_) describe_next();
}

void TargetListing::describe_next() {
  const Target& target = settings_->config().targets[next_++];
  const Listing& listing = settings_->config().listing;
  if (!listing.forbidden && !Settings::permits(target, initiator_, peer_)) return;
  std::string addresses;
  for (const Portal& portal : settings_->portals()) {
    if (!Settings::offers(target, portal.tag)) continue;
    if (!listing.other_portal_groups && portal.tag != portal_group_) continue;
    const auto address = reachable_address(portal.address, local_address_);
    if (!address) continue;
    addresses.append("TargetAddress=").append(*address).append(",").append(std::to_string(portal.tag)).append(1, '\0');
  }
  if (addresses.empty()) return;
  rest_.append("TargetName=").append(target.name).append(1, '\0').append(addresses);
}

std::string TargetListing::next(std::size_t room) {
  std::string out;
  while (out.size() < room && !rest_.empty()) {
    const std::size_t part = std::min(room - out.size(), rest_.size());
    out.append(rest_, 0, part);
    rest_.erase(0, part);
    while (rest_.empty() && next_ < end_) describe_next();
  }
  return out;
}

}  // namespace iscsi
