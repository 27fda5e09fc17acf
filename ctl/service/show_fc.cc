// JSON forms of what is Fibre Channel's.
#include <fmt/format.h>

#include "ctl/service/show.h"

namespace ctl {
namespace {

const char* topology_name(hal::fc::Topology topology) {
  switch (topology) {
    case hal::fc::Topology::kFabric:
      return "fabric";
    case hal::fc::Topology::kPointToPoint:
      return "point to point";
    case hal::fc::Topology::kPrivateLoop:
      return "private loop";
    case hal::fc::Topology::kPublicLoop:
      return "public loop";
  }
  return "?";
}

std::string text_of(hal::fc::Wwn name) { return name.raw == 0 ? std::string() : to_string(name); }
std::string text_of(hal::fc::PortId id) { return fmt::format("{:06x}", id.raw); }

}  // namespace

Json show(const FcPortInfo& info) {
  const hal::fc::PortInfo& adapter = info.status.info;
  Json out = {{"name", info.config.name},
              {"device", info.config.parent.empty() ? info.config.device : "on " + info.config.parent},
              {"enabled", info.config.enabled},
              {"state", info.state},
              {"wwpn", adapter.port_name.raw == 0 ? info.config.wwpn : to_string(adapter.port_name)},
              {"model", adapter.model},
              {"registration", info.status.registration},
              {"confirmed_completion", info.config.confirmed_completion},
              {"dual_role", info.config.dual_role},
              {"report_changes", info.config.report_changes},
              {"logins", adapter.logins},
              {"queues", adapter.queues}};
  if (adapter.link) {
    out["speed"] = fmt::format("{} Gbit", adapter.where.gigabits);
    out["topology"] = topology_name(adapter.where.topology);
    out["port_id"] = text_of(adapter.where.id);
  }
  return out;
}

Json details(const FcPortInfo& info) {
  const hal::fc::PortInfo& adapter = info.status.info;
  Json out = show(info);
  out["wwnn"] = adapter.node_name.raw == 0 ? info.config.wwnn : to_string(adapter.node_name);
  out["firmware"] = adapter.firmware;
  out["initiators"] = info.config.initiators;
  out["relative_port_id"] = info.config.relative_port_id;
  if (adapter.link) out["fabric_name"] = text_of(adapter.where.fabric_name);
  Json counters = Json::object();
  for (const auto& [name, count] : adapter.counters) counters[name] = count;
  out["counters"] = counters;
  return out;
}

Json show(const fcp::SessionInfo& info) {
  return {{"id", info.id},
          {"fabric", "fc"},
          {"initiator", to_string(info.initiator.port_name)},
          {"node_name", text_of(info.initiator.node_name)},
          {"target", info.port},
          {"authentication", ""},
          {"connections", Json::array({{{"peer", text_of(info.initiator.id)}}})},
          {"service_parameters", fmt::format("{:08x}", info.service_parameters)},
          {"ending", info.ending},
          {"commands", info.commands},
          {"in_flight", info.in_flight},
          {"read_bytes", info.read_bytes},
          {"write_bytes", info.write_bytes}};
}

Json show(const fcp::EventInfo& event) {
  return {{"age_ms", milliseconds(event.age)},
          {"reactor", event.port},
          {"event", event.event},
          {"subject", event.subject},
          {"detail", event.detail}};
}

Json show(const fcp::FabricCounters& counters) {
  return {{"logins", counters.logins},
          {"logins_refused", counters.logins_refused},
          {"logins_ended", counters.logins_ended},
          {"aborts", counters.aborts},
          {"task_management", counters.task_management},
          {"invalid_commands", counters.invalid_commands},
          {"stray_commands", counters.stray_commands},
          {"state_changes", counters.state_changes},
          {"state_reports", counters.state_reports},
          {"state_reports_failed", counters.state_reports_failed},
          {"registrations", counters.registrations},
          {"registrations_failed", counters.registrations_failed},
          {"adapter_failures", counters.adapter_failures}};
}

Json show(const DeviceInfo& device) {
  Json out = {{"address", device.address},
              {"id", fmt::format("{:04x}:{:04x}", device.vendor, device.device)},
              {"model", device.model},
              {"driver", device.driver},
              {"usable", device.obstacle.empty()},
              {"obstacle", device.obstacle}};
  if (device.iommu_group >= 0) out["iommu_group"] = device.iommu_group;
  if (device.numa_node >= 0) out["numa_node"] = device.numa_node;
  return out;
}

}  // namespace ctl
