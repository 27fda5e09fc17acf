// Planning the steps of an apply.
#include "ctl/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>

#include "base/random.h"
#include "ctl/units.h"

namespace ctl {
namespace {

using LuMap = std::map<std::string, const LogicalUnit*>;

LuMap by_name(const Config& config) {
  LuMap map;
  for (const LogicalUnit& lu : config.logical_units) map[lu.unit.name] = &lu;
  return map;
}

base::Result<void> draw_identity(scsi::LuConfig& unit) {
  std::array<std::uint64_t, 3> random;
  TRY(base::secure_random(std::as_writable_bytes(std::span(random))));
  // NAA 6h with a company identifier of which the "locally administered" bit is set: no manufacturer owns it.
  constexpr std::uint64_t kLocalCompany = 0x6'02'4f'42ull << 36;
  if (unit.naa_high == 0) {
    unit.naa_high = kLocalCompany | (random[0] & ((1ull << 36) - 1));
    unit.naa_low = random[1];
  }
  if (unit.serial.empty()) unit.serial = fmt::format("{:016x}", random[2]);
  return {};
}

// The identifiers of `target` in the order of `groups`; 0 for groups that it was not in.
std::vector<std::uint16_t> ids_of_groups(const Target& target, const std::vector<std::uint16_t>& groups) {
  std::vector<std::uint16_t> ids;
  for (const std::uint16_t group : groups) {
    const auto at = std::find(target.portal_groups.begin(), target.portal_groups.end(), group);
    const auto index = static_cast<std::size_t>(at - target.portal_groups.begin());
    ids.push_back(index < target.relative_port_ids.size() ? target.relative_port_ids[index] : std::uint16_t{0});
  }
  return ids;
}

base::Result<void> refuse(const std::string& name, const char* what) {
  return base::fail(base::Errc::kUnsupported,
                    fmt::format("lu \"{}\": {} cannot change; delete the logical unit and create it anew", name, what));
}

base::Result<void> check_change(const LogicalUnit& before, const LogicalUnit& after, const PlanOptions& options) {
  const std::string& name = before.unit.name;
  const StoreSpec &from = before.store, &to = after.store;
  if (from.kind != to.kind) return refuse(name, "backstore");
  if (from.path != to.path) return refuse(name, "path");
  if (from.block_size != to.block_size) return refuse(name, "block_size");
  if (from.thin != to.thin) return refuse(name, "thin");
  if (from.memory_limit != to.memory_limit) return refuse(name, "memory_limit");
  if (from.protection_path != to.protection_path) return refuse(name, "protection_path");
  scsi::LuConfig unit = after.unit;
  unit.write_protected = before.unit.write_protected;
  if (unit != before.unit) return refuse(name, "anything but size and write_protected");
  if (to.size == 0 && from.size != 0) return refuse(name, "size to that of the device");
  if (to.size < from.size && !options.allow_shrink) {
    return base::fail(base::Errc::kDenied,
                      fmt::format("lu \"{}\": {} is less than {}: data would be lost; allow it with --shrink", name,
                                  format_size(to.size), format_size(from.size)));
  }
  return {};
}

Step add_lu(Machine& machine, const LogicalUnit& lu, bool optional, const PlanOptions& options) {
  return {"add lu " + lu.unit.name,
          options.step_limit,
          [&machine, lu](Done done) { machine.add_lu(lu, std::move(done)); },
          [&machine, name = lu.unit.name](Done done) { machine.remove_lu(name, std::move(done)); },
          optional,
          [&machine, name = lu.unit.name] { return machine.filling(name); }};
}

Step resize_lu(Machine& machine, const LogicalUnit& before, const LogicalUnit& after, const PlanOptions& options) {
  const auto resize = [&machine, name = before.unit.name](std::uint64_t blocks) -> Action {
    return [&machine, name, blocks](Done done) { machine.resize_lu(name, blocks, std::move(done)); };
  };
  const bool shrinks = after.store.size < before.store.size, reversible = before.store.size != 0 && !shrinks;
  return {"resize lu " + before.unit.name, options.step_limit, resize(after.store.size / after.store.block_size),
          reversible ? resize(before.store.size / before.store.block_size) : Action(), shrinks};
}

Step modify_lu(Machine& machine, const LogicalUnit& before, const LogicalUnit& after, const PlanOptions& options) {
  const auto modify = [&machine](const scsi::LuConfig& unit) -> Action {
    return [&machine, unit](Done done) { machine.modify_lu(unit.name, unit, std::move(done)); };
  };
  return {"modify lu " + before.unit.name, options.step_limit, modify(after.unit), modify(before.unit)};
}

Step set_views(Machine& machine, const scsi::ViewTable& before, const scsi::ViewTable& after,
               const PlanOptions& options) {
  const auto set = [&machine](const scsi::ViewTable& table) -> Action {
    return [&machine, table](Done done) { machine.set_views(table, std::move(done)); };
  };
  return {"set views", options.step_limit, set(after), set(before)};
}

Step apply_fabric(Machine& machine, const Config& before, const Config& after, const PlanOptions& options) {
  const auto apply = [&machine](const Config& config) -> Action {
    return [&machine, fabric = fabric_config(config)](Done done) { machine.apply_fabric(fabric, std::move(done)); };
  };
  return {"apply iscsi", options.step_limit, apply(after), apply(before)};
}

Step apply_fc(Machine& machine, const Config& before, const Config& after, const PlanOptions& options) {
  const auto apply = [&machine](const Config& config) -> Action {
    return [&machine, ports = config.fc_ports](Done done) { machine.apply_fc(ports, std::move(done)); };
  };
  return {"apply fc", options.step_limit, apply(after), apply(before)};
}

Step apply_metrics(Machine& machine, const Config& before, const Config& after, const PlanOptions& options) {
  const auto apply = [&machine](const Metrics& metrics) -> Action {
    return [&machine, metrics](Done done) { machine.apply_metrics(metrics, std::move(done)); };
  };
  return {"apply metrics", options.step_limit, apply(after.metrics), apply(before.metrics)};
}

}  // namespace

void keep_identities(const Config& before, Config& after) {
  const LuMap known = by_name(before);
  for (LogicalUnit& lu : after.logical_units) {
    const auto old = known.find(lu.unit.name);
    if (old == known.end()) continue;
    if (lu.unit.serial.empty()) lu.unit.serial = old->second->unit.serial;
    if (lu.unit.naa_high == 0) {
      lu.unit.naa_high = old->second->unit.naa_high;
      lu.unit.naa_low = old->second->unit.naa_low;
    }
  }
  for (Target& target : after.targets) {
    if (!target.relative_port_ids.empty()) continue;
    for (const Target& old : before.targets) {
      if (old.name == target.name) target.relative_port_ids = ids_of_groups(old, target.portal_groups);
    }
  }
  for (FcPort& port : after.fc_ports) {
    for (const FcPort& old : before.fc_ports) {
      if (port.relative_port_id == 0 && old.name == port.name) port.relative_port_id = old.relative_port_id;
    }
  }
}

base::Result<void> draw_identities(Config& config) {
  for (LogicalUnit& lu : config.logical_units) TRY(draw_identity(lu.unit));
  std::set<std::uint16_t> taken = {0};
  for (const Target& target : config.targets) {
    taken.insert(target.relative_port_ids.begin(), target.relative_port_ids.end());
  }
  for (const FcPort& port : config.fc_ports) taken.insert(port.relative_port_id);
  std::uint16_t next = 1;
  const auto draw = [&](std::uint16_t& id) -> base::Result<void> {
    while (id == 0 && next != 0 && !taken.insert(next).second) ++next;
    if (id == 0 && next == 0) return base::fail(base::Errc::kNoSpace, "no relative port identifier is left");
    if (id == 0) id = next;
    return {};
  };
  for (Target& target : config.targets) {
    if (target.relative_port_ids.empty()) target.relative_port_ids.resize(target.portal_groups.size());
    for (std::uint16_t& id : target.relative_port_ids) TRY(draw(id));
  }
  for (FcPort& port : config.fc_ports) TRY(draw(port.relative_port_id));
  return {};
}

base::Result<Plan> make_plan(Machine& machine, const Config& before, const Config& after, const PlanOptions& options) {
  Plan plan;
  const LuMap known = by_name(before), wanted = by_name(after);
  LuMap present = known;
  for (const std::string& name : options.absent) present.erase(name);
  for (const LogicalUnit& lu : after.logical_units) {
    const auto found = present.find(lu.unit.name);
    if (found == present.end()) {
      const auto absent = known.find(lu.unit.name);
      plan.steps.push_back(
          add_lu(machine, lu, options.tolerant || (absent != known.end() && *absent->second == lu), options));
      continue;
    }
    const LogicalUnit& old = *found->second;
    TRY(check_change(old, lu, options));
    if (lu.store.size != old.store.size) {
      // What is behind the new end does not come back: only once the smaller size is stored is it given up.
      const bool shrinks = lu.store.size < old.store.size;
      (shrinks ? plan.removals : plan.steps).push_back(resize_lu(machine, old, lu, options));
    }
    if (lu.unit.write_protected != old.unit.write_protected) plan.steps.push_back(modify_lu(machine, old, lu, options));
  }
  // Targets come after the views, so that a host that logs in at once sees its logical units.
  if (before.mapping != after.mapping || !plan.steps.empty()) {
    plan.steps.push_back(set_views(machine, before.mapping, after.mapping, options));
  }
  if (fabric_config(before) != fabric_config(after))
    plan.steps.push_back(apply_fabric(machine, before, after, options));
  if (before.metrics != after.metrics) plan.steps.push_back(apply_metrics(machine, before, after, options));
  if (before.fc_ports != after.fc_ports) plan.steps.push_back(apply_fc(machine, before, after, options));
  for (const auto& [name, lu] : present) {
    if (wanted.contains(name)) continue;
    // Neither of these can be undone, and neither keeps the change from being in force.
    plan.removals.push_back({"remove lu " + name,
                             options.step_limit,
                             [&machine, lu = name](Done done) { machine.remove_lu(lu, std::move(done)); },
                             {},
                             true});
    plan.removals.push_back({"forget lu " + name,
                             options.step_limit,
                             [&machine, lu = name](Done done) { machine.forget_lu(lu, std::move(done)); },
                             {},
                             true});
  }
  return plan;
}

}  // namespace ctl
