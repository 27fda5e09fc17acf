// The fields of each kind of entry.
#include "ctl/config/fields.h"

#include <fmt/format.h>

#include "ctl/config/target_keys.h"
#include "ctl/units.h"

namespace ctl {
namespace {

class Builder {
 public:
  Builder(const char* section, std::string name, bool single = false) : entry_{section, std::move(name), single, {}} {}
  void text(const char* key, std::string_view value) { entry_.fields.emplace_back(key, toml_quoted(value)); }
  void text(const char* key, std::string_view value, std::string_view normal) {
    if (value != normal) text(key, value);
  }
  void number(const char* key, std::uint64_t value) { entry_.fields.emplace_back(key, std::to_string(value)); }
  void number(const char* key, std::uint64_t value, std::uint64_t normal) {
    if (value != normal) number(key, value);
  }
  void flag(const char* key, bool value, bool normal) {
    if (value != normal) entry_.fields.emplace_back(key, value ? "true" : "false");
  }
  void duration(const char* key, base::Duration value, base::Duration normal) {
    if (value != normal) text(key, format_duration(value));
  }
  template <class Items, class Format>
  void list(const char* key, const Items& items, const Items& normal, Format&& format) {
    if (items == normal) return;
    std::string joined;
    for (const auto& item : items) joined += (joined.empty() ? "" : ", ") + format(item);
    entry_.fields.emplace_back(key, "[" + joined + "]");
  }
  void texts(const char* key, const std::vector<std::string>& items) {
    list(key, items, {}, [](const std::string& item) { return toml_quoted(item); });
  }
  void access(const Access& access) {
    text("authentication", authentication_key(access), "none");
    texts("users", access.users);
    list("algorithms", access.algorithms, Access().algorithms,
         [](iscsi::ChapAlgorithm algorithm) { return toml_quoted(algorithm_key(algorithm)); });
  }
  void redirection(const iscsi::Redirection& redirection) {
    text("redirect", redirection.address, "");
    flag("redirect_permanent", redirection.permanent, false);
  }
  Entry take() { return std::move(entry_); }

 private:
  Entry entry_;
};

Entry entry_of(const LogicalUnit& lu) {
  const scsi::LuConfig normal;
  const StoreSpec store;
  Builder out("lu", lu.unit.name);
  out.text("name", lu.unit.name);
  out.text("backstore", store_kind_name(lu.store.kind));
  out.text("path", lu.store.path, "");
  if (lu.store.size != 0) out.text("size", format_size(lu.store.size));
  out.number("block_size", lu.store.block_size, store.block_size);
  out.number("physical_block_size", lu.unit.physical_block_size, normal.physical_block_size);
  out.flag("thin", lu.store.thin, store.thin);
  if (lu.store.memory_limit != 0) out.text("memory_limit", format_size(lu.store.memory_limit));
  out.number("protection_type", lu.unit.protection_type, normal.protection_type);
  out.text("protection_path", lu.store.protection_path, "");
  out.text("vendor", lu.unit.vendor, normal.vendor);
  out.text("product", lu.unit.product, normal.product);
  out.text("revision", lu.unit.revision, normal.revision);
  out.text("serial", lu.unit.serial, "");
  if (lu.unit.naa_high != 0) out.text("naa", format_naa(lu.unit));
  out.flag("removable", lu.unit.removable, normal.removable);
  out.flag("write_protected", lu.unit.write_protected, normal.write_protected);
  out.flag("write_cache", lu.unit.write_cache, normal.write_cache);
  return out.take();
}

Entry entry_of(const iscsi::Portal& portal) {
  Builder out("portal", portal.address);
  out.text("address", portal.address);
  out.number("group", portal.tag, iscsi::Portal().tag);
  out.number("max_connections", portal.max_connections, 0);
  out.number("max_sessions", portal.max_sessions, 0);
  out.number("max_logins_per_second", portal.max_logins_per_second, 0);
  out.redirection(portal.redirection);
  return out.take();
}

Entry entry_of(const Target& target) {
  const Target normal;
  Builder out("target", target.name);
  out.text("name", target.name);
  out.text("alias", target.alias, "");
  const auto number = [](std::uint16_t value) { return std::to_string(value); };
  out.list("portal_groups", target.portal_groups, normal.portal_groups, number);
  out.list("relative_port_ids", target.relative_port_ids, normal.relative_port_ids, number);
  out.access(target.access);
  out.texts("initiators", target.initiators);
  out.texts("initiator_addresses", target.initiator_addresses);
  out.number("command_window", target.command_window, normal.command_window);
  out.number("max_connections", target.max_connections, normal.max_connections);
  out.number("max_sessions", target.max_sessions, normal.max_sessions);
  out.number("max_logins_per_second", target.max_logins_per_second, 0);
  out.number("max_commands", target.max_commands, 0);
  out.redirection(target.redirection);
  out.flag("report_changes", target.report_changes, normal.report_changes);
  out.number("error_recovery_level", target.error_recovery_level, normal.error_recovery_level);
  for_each_target_key([&](const char* key, const char*, auto member, auto...) {
    const auto value = target.keys.*member, usual = normal.keys.*member;
    if constexpr (kIsDigest<decltype(member)>) {
      out.text(key, digest_use_key(value), digest_use_key(usual));
    } else if constexpr (kIsFlag<decltype(member)>) {
      out.flag(key, value, usual);
    } else {
      out.number(key, value, usual);
    }
  });
  return out.take();
}

Entry entry_of(const FcPort& port) {
  const FcPort normal;
  Builder out("fc_port", port.name);
  out.text("name", port.name);
  out.text("device", port.device, "");
  out.text("parent", port.parent, "");
  out.text("wwpn", port.wwpn, "");
  out.text("wwnn", port.wwnn, "");
  out.flag("loop", port.loop, normal.loop);
  out.flag("confirmed_completion", port.confirmed_completion, normal.confirmed_completion);
  out.flag("dual_role", port.dual_role, normal.dual_role);
  out.flag("report_changes", port.report_changes, normal.report_changes);
  out.number("queues", port.queues, normal.queues);
  out.flag("enabled", port.enabled, normal.enabled);
  out.texts("initiators", port.initiators);
  out.number("relative_port_id", port.relative_port_id, normal.relative_port_id);
  return out.take();
}

Entry entry_of(const scsi::HostGroup& group) {
  Builder out("host_group", group.name);
  out.text("name", group.name);
  out.texts("initiators", group.initiators);
  return out.take();
}

Entry entry_of(const scsi::TargetGroup& group) {
  Builder out("target_group", group.name);
  out.text("name", group.name);
  out.texts("targets", group.targets);
  return out.take();
}

Entry entry_of(const scsi::View& view) {
  const std::string hosts = view.host_group.empty() ? "every host" : "hosts " + view.host_group;
  const std::string targets = view.target_group.empty() ? "every target" : view.target_group;
  Builder out("view", fmt::format("{} at LUN {} for {} through {}", view.lu, view.lun, hosts, targets));
  out.text("lu", view.lu);
  out.number("lun", view.lun);
  out.text("host_group", view.host_group, "");
  out.text("target_group", view.target_group, "");
  out.flag("read_only", view.read_only, false);
  return out.take();
}

Entry entry_of(const User& user) {
  Builder out("user", user.name);
  out.text("name", user.name);
  out.text("mutual_user", user.mutual_user, "");
  return out.take();
}

Entry entry_of(const iscsi::Limits& limits) {
  const iscsi::Limits normal;
  Builder out("limits", "", true);
  out.number("max_connections", limits.max_connections, normal.max_connections);
  out.number("max_logins", limits.max_logins, normal.max_logins);
  out.number("max_logins_per_peer", limits.max_logins_per_peer, normal.max_logins_per_peer);
  out.duration("login_timeout", limits.login_timeout, normal.login_timeout);
  out.duration("nop_interval", limits.nop_interval, normal.nop_interval);
  out.duration("nop_timeout", limits.nop_timeout, normal.nop_timeout);
  return out.take();
}

Entry entry_of(const Metrics& metrics) {
  Builder out("metrics", "", true);
  out.text("listen", metrics.listen, "");
  out.flag("sessions", metrics.sessions, Metrics().sessions);
  return out.take();
}

Entry entry_of(const iscsi::RadiusServers& radius) {
  const iscsi::RadiusServers normal;
  Builder out("radius", "", true);
  out.texts("servers", radius.addresses);
  out.text("secret_file", radius.secret_file, "");
  out.text("nas_identifier", radius.nas_identifier, normal.nas_identifier);
  out.duration("timeout", radius.timeout, normal.timeout);
  out.number("tries", radius.tries, normal.tries);
  return out.take();
}

Entry entry_of(const iscsi::IsnsServer& server) {
  const iscsi::IsnsServer normal;
  Builder out("isns", server.address);
  out.text("server", server.address);
  out.text("entity", server.entity, "");
  out.duration("period", server.period, normal.period);
  out.duration("inquiry_interval", server.inquiry_interval, normal.inquiry_interval);
  out.flag("access_control", server.access_control, normal.access_control);
  return out.take();
}

}  // namespace

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += fmt::format("\\{}", c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::vector<Entry> entries_of(const Config& config) {
  std::vector<Entry> out;
  const auto add = [&out](const auto& items) {
    for (const auto& item : items) out.push_back(entry_of(item));
  };
  add(config.logical_units);
  add(config.portals);
  add(config.targets);
  add(config.fc_ports);
  add(config.mapping.host_groups);
  add(config.mapping.target_groups);
  add(config.mapping.views);
  add(config.users);
  Builder discovery("discovery", "", true);
  discovery.access(config.discovery);
  discovery.flag("list_forbidden", config.listing.forbidden, iscsi::Listing().forbidden);
  discovery.flag("list_other_portal_groups", config.listing.other_portal_groups, iscsi::Listing().other_portal_groups);
  out.push_back(discovery.take());
  out.push_back(entry_of(config.limits));
  out.push_back(entry_of(config.metrics));
  if (config.radius != iscsi::RadiusServers()) out.push_back(entry_of(config.radius));
  add(config.isns);
  return out;
}

}  // namespace ctl
