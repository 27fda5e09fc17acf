// From lists of initiators that servers told to those that targets take.
#include "ctl/domains.h"

#include <algorithm>

#include "fabrics/iscsi/names.h"

namespace ctl {
namespace {

constexpr const char* kNobody = "-";  // no iSCSI name

bool asked(const iscsi::FabricConfig& fabric, const isns::Client& client) {
  return client.server().access_control &&
         std::find(fabric.isns.begin(), fabric.isns.end(), client.server()) != fabric.isns.end();
}

void restrict(iscsi::Target& target, const iscsi::FabricConfig& fabric,
              const std::vector<const isns::Client*>& servers) {
  std::vector<std::string> names;
  bool told = false;
  for (const isns::Client* const client : servers) {
    if (!asked(fabric, *client) || !client->members()) continue;
    const auto found = client->members()->find(target.name);
    if (found == client->members()->end()) continue;
    told = true;
    for (const std::string& name : found->second) {
      if (target.initiators.empty() || iscsi::matches_any(target.initiators, name)) names.push_back(name);
    }
  }
  target.initiators_awaited = !told;
  if (!told) return;
  if (names.empty()) names.emplace_back(kNobody);
  target.initiators = std::move(names);
}

}  // namespace

iscsi::FabricConfig without_secrets(iscsi::FabricConfig fabric) {
  for (iscsi::Target& target : fabric.targets) iscsi::wipe(target.authentication);
  iscsi::wipe(fabric.discovery);
  return fabric;
}

bool controls_access(const iscsi::FabricConfig& fabric) {
  return std::any_of(fabric.isns.begin(), fabric.isns.end(),
                     [](const iscsi::IsnsServer& server) { return server.access_control; });
}

iscsi::FabricConfig within_domains(iscsi::FabricConfig fabric, const std::vector<const isns::Client*>& servers) {
  if (!controls_access(fabric)) return fabric;
  for (iscsi::Target& target : fabric.targets) restrict(target, fabric, servers);
  return fabric;
}

}  // namespace ctl
