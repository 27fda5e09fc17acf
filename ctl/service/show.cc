// JSON forms.
#include "ctl/service/show.h"

#include <fmt/format.h>

#include "ctl/config/target_keys.h"
#include "ctl/units.h"

namespace ctl {

double milliseconds(base::Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(duration);  // no more digits than that
  return static_cast<double>(whole.count()) / 1000.0;
}

const char* inject_kind_name(scsi::InjectRule::Kind kind) {
  switch (kind) {
    case scsi::InjectRule::Kind::kDelay:
      return "delay";
    case scsi::InjectRule::Kind::kMediumError:
      return "medium-error";
    case scsi::InjectRule::Kind::kAbort:
      return "abort";
    case scsi::InjectRule::Kind::kUnitAttention:
      return "unit-attention";
  }
  return "?";
}

Json show(const Transactor::Report& report) {
  Json changes = Json::array();
  for (const Change& change : report.changes) changes.push_back(format_change(change));
  return {{"applied", report.applied}, {"changes", changes}, {"notes", report.notes}};
}

Json show(const LogicalUnit& lu) {
  Json out = {{"name", lu.unit.name},
              {"backstore", store_kind_name(lu.store.kind)},
              {"size", lu.store.size},
              {"block_size", lu.store.block_size},
              {"thin", lu.store.thin},
              {"vendor", lu.unit.vendor},
              {"product", lu.unit.product},
              {"revision", lu.unit.revision},
              {"serial", lu.unit.serial},
              {"naa", format_naa(lu.unit)},
              {"removable", lu.unit.removable},
              {"write_protected", lu.unit.write_protected},
              {"write_cache", lu.unit.write_cache}};
  if (lu.unit.physical_block_size != 0) out["physical_block_size"] = lu.unit.physical_block_size;
  if (!lu.store.path.empty()) out["path"] = lu.store.path;
  if (lu.unit.protection_type != 0) out["protection_type"] = lu.unit.protection_type;
  if (!lu.store.protection_path.empty()) out["protection_path"] = lu.store.protection_path;
  if (lu.store.memory_limit != 0) out["memory_limit"] = lu.store.memory_limit;
  return out;
}

Json show(const scsi::LuInfo& info) {
  return {{"size", info.geometry.blocks * info.geometry.block_size},
          {"blocks", info.geometry.blocks},
          {"block_size", info.geometry.block_size},
          {"medium", info.backstore},
          {"state", info.state},
          {"reads", base::total(info.statistics.reads)},
          {"writes", base::total(info.statistics.writes)},
          {"read_bytes", info.statistics.read_bytes},
          {"write_bytes", info.statistics.write_bytes},
          {"errors", info.statistics.errors},
          {"in_flight", info.statistics.in_flight}};
}

Json show(const scsi::CommandInfo& info) {
  Json audit = Json::array();
  for (const auto& event : info.audit) {
    audit.push_back({{"age_ms", milliseconds(event.age)}, {"what", event.what}, {"detail", event.detail}});
  }
  return {{"lu", info.lu},   {"initiator", info.initiator},     {"target", info.target},
          {"tag", info.tag}, {"opcode", info.opcode},           {"command", info.opcode_name},
          {"lba", info.lba}, {"blocks", info.blocks},           {"state", info.state},
          {"audit", audit},  {"age_ms", milliseconds(info.age)}};
}

Json show(const iscsi::EventInfo& event) {
  return {{"age_ms", milliseconds(event.age)},
          {"reactor", event.reactor},
          {"event", event.event},
          {"subject", event.subject},
          {"detail", event.detail}};
}

Json show(const scsi::InjectRule& rule) {
  Json out = {{"id", rule.id}, {"kind", inject_kind_name(rule.kind)}, {"lu", rule.lu}, {"first_lba", rule.first_lba}};
  if (rule.last_lba != ~std::uint64_t{0}) out["last_lba"] = rule.last_lba;
  if (rule.opcode >= 0) out["opcode"] = rule.opcode;
  if (rule.count != 0) {
    out["count"] = rule.count;
    out["left"] = rule.left;
  }
  if (rule.any_command) out["any_command"] = true;
  if (rule.kind == scsi::InjectRule::Kind::kDelay) out["delay"] = format_duration(rule.delay);
  if (rule.kind == scsi::InjectRule::Kind::kUnitAttention) {
    out["sense"] = fmt::format("{:02x}/{:02x}", rule.sense.asc, rule.sense.ascq);
  }
  return out;
}

Json show(const scsi::View& view) {
  return {{"lu", view.lu},
          {"lun", view.lun},
          {"host_group", view.host_group},
          {"target_group", view.target_group},
          {"read_only", view.read_only}};
}

Json show(const iscsi::SessionInfo& info) {
  Json connections = Json::array();
  for (const auto& connection : info.connections) {
    connections.push_back({{"cid", connection.cid},
                           {"peer", connection.peer},
                           {"local", connection.local},
                           {"header_digest", connection.header_digest},
                           {"data_digest", connection.data_digest}});
  }
  Json keys = Json::object();
  for (const auto& [key, value] : info.keys) keys[key] = value;
  return {{"id", info.id},
          {"initiator", info.initiator},
          {"alias", info.alias},
          {"target", info.target},
          {"isid", info.isid},
          {"tsih", info.tsih},
          {"portal_group", info.portal_group},
          {"discovery", info.discovery},
          {"authentication", info.authentication},
          {"keys", keys},
          {"connections", connections},
          {"commands", info.commands},
          {"in_flight", info.in_flight},
          {"read_bytes", info.read_bytes},
          {"write_bytes", info.write_bytes}};
}

Json show(const iscsi::FabricCounters& counters) {
  return {{"logins", counters.logins},
          {"login_failures", counters.login_failures},
          {"authentication_failures", counters.authentication_failures},
          {"redirections", counters.redirections},
          {"rejects", counters.rejects},
          {"digest_errors", counters.digest_errors},
          {"protocol_errors", counters.protocol_errors},
          {"connections_refused", counters.connections_refused},
          {"recovery_bytes", counters.recovery_bytes},
          {"recovery_refusals", counters.recovery_refusals}};
}

Json show(const iscsi::Limits& limits) {
  return {{"max_connections", limits.max_connections},
          {"max_logins", limits.max_logins},
          {"max_logins_per_peer", limits.max_logins_per_peer},
          {"login_timeout", format_duration(limits.login_timeout)},
          {"nop_interval", format_duration(limits.nop_interval)},
          {"nop_timeout", format_duration(limits.nop_timeout)}};
}

Json show(const Access& access) {
  Json algorithms = Json::array();
  for (const iscsi::ChapAlgorithm algorithm : access.algorithms) algorithms.push_back(algorithm_key(algorithm));
  return {{"authentication", authentication_key(access)}, {"users", access.users}, {"algorithms", algorithms}};
}

Json show(const Target& target) {
  Json out = show(target.access);
  out["name"] = target.name;
  out["alias"] = target.alias;
  out["portal_groups"] = target.portal_groups;
  out["initiators"] = target.initiators;
  out["command_window"] = target.command_window;
  out["max_connections"] = target.max_connections;
  out["initiator_addresses"] = target.initiator_addresses;
  out["max_sessions"] = target.max_sessions;
  out["max_logins_per_second"] = target.max_logins_per_second;
  out["max_commands"] = target.max_commands;
  out["report_changes"] = target.report_changes;
  out["error_recovery_level"] = target.error_recovery_level;
  for_each_target_key([&](const char* key, const char*, auto member, auto...) {
    if constexpr (kIsDigest<decltype(member)>) {
      out[key] = digest_use_key(target.keys.*member);
    } else {
      out[key] = target.keys.*member;
    }
  });
  out["redirect"] = target.redirection.address;
  out["redirect_permanent"] = target.redirection.permanent;
  return out;
}

}  // namespace ctl
