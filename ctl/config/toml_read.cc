// From TOML to a configuration.
#include "ctl/config/check.h"
#include "ctl/config/table_reader.h"
#include "ctl/config/target_keys.h"
#include "ctl/config/toml.h"

namespace ctl {
namespace {

// "lu \"disk0\"" where the entry has a name, for sentences.
std::string title(const char* section, const toml::table& table, const char* key) {
  const auto name = table[key].value_exact<std::string>();
  return name ? fmt::format("{} \"{}\"", section, *name) : std::string(section);
}

void read_access(TableReader& in, Access& out) {
  std::string authentication = authentication_key(out);
  in.read("authentication", authentication);
  if (const auto known = parse_authentication(authentication, out); !known) {
    in.reject("authentication", known.error().text);
  }
  in.read("users", out.users);
  std::vector<std::string> names;
  in.read("algorithms", names);
  if (names.empty()) return;
  out.algorithms.clear();
  for (const std::string& name : names) {
    const auto algorithm = parse_chap_algorithm(name);
    if (algorithm) {
      out.algorithms.push_back(*algorithm);
    } else {
      in.reject("algorithms", algorithm.error().text);
    }
  }
}

void read_lu(TableReader& in, LogicalUnit& out) {
  in.require("name");
  in.require("backstore");
  in.read("name", out.unit.name);
  in.read("backstore", out.store.kind, &parse_store_kind);
  in.read("path", out.store.path);
  in.read_size("size", out.store.size);
  in.read("block_size", out.store.block_size, 512, 4096);
  in.read("physical_block_size", out.unit.physical_block_size, 512, 65536);
  in.read("thin", out.store.thin);
  in.read_size("memory_limit", out.store.memory_limit);
  in.read("protection_type", out.unit.protection_type, 0, 3);
  in.read("protection_path", out.store.protection_path);
  in.read("vendor", out.unit.vendor);
  in.read("product", out.unit.product);
  in.read("revision", out.unit.revision);
  in.read("serial", out.unit.serial);
  std::string naa;
  in.read("naa", naa);
  if (!naa.empty()) {
    const auto parsed = parse_naa(naa, out.unit);
    if (!parsed) in.reject("naa", parsed.error().text);
  }
  in.read("removable", out.unit.removable);
  in.read("write_protected", out.unit.write_protected);
  in.read("write_cache", out.unit.write_cache);
}

void read_redirection(TableReader& in, iscsi::Redirection& out) {
  in.read("redirect", out.address);
  in.read("redirect_permanent", out.permanent);
}

void read_portal(TableReader& in, iscsi::Portal& out) {
  in.require("address");
  in.read("address", out.address);
  in.read("group", out.tag, 0, 65535);
  in.read("max_connections", out.max_connections, 0, 1'000'000);
  in.read("max_sessions", out.max_sessions, 0, 65535);
  in.read("max_logins_per_second", out.max_logins_per_second, 0, 1'000'000);
  read_redirection(in, out.redirection);
}

void read_target_keys(TableReader& in, iscsi::TargetKeys& out) {
  for_each_target_key([&](const char* key, const char*, auto member, auto... range) {
    if constexpr (kIsDigest<decltype(member)>) {
      in.read(key, out.*member, &parse_digest_use);
    } else {
      in.read(key, out.*member, range...);
    }
  });
}

void read_target(TableReader& in, Target& out) {
  in.require("name");
  in.read("name", out.name);
  in.read("alias", out.alias);
  in.read("portal_groups", out.portal_groups, 0, 65535);
  in.read("relative_port_ids", out.relative_port_ids, 1, 65535);
  in.read("initiators", out.initiators);
  in.read("initiator_addresses", out.initiator_addresses);
  in.read("command_window", out.command_window, 1, 1024);
  in.read("max_connections", out.max_connections, 1, iscsi::kMaxSessionConnections);
  in.read("max_sessions", out.max_sessions, 0, 65535);
  in.read("max_logins_per_second", out.max_logins_per_second, 0, 1'000'000);
  in.read("max_commands", out.max_commands, 0, 1'000'000);
  in.read("report_changes", out.report_changes);
  in.read("error_recovery_level", out.error_recovery_level, 0, iscsi::kMaxErrorRecoveryLevel);
  read_target_keys(in, out.keys);
  read_redirection(in, out.redirection);
  read_access(in, out.access);
}

void read_discovery(TableReader& in, Config& out) {
  read_access(in, out.discovery);
  in.read("list_forbidden", out.listing.forbidden);
  in.read("list_other_portal_groups", out.listing.other_portal_groups);
}

base::Result<std::string> parse_wwn(const std::string& text) {
  const auto name = hal::fc::parse_wwn(text);
  if (!name || name->raw == 0) return base::fail(base::Errc::kInvalid, "must be 16 hexadecimal digits, not all zero");
  return to_string(*name);
}

void read_fc_port(TableReader& in, FcPort& out) {
  in.require("name");
  in.read("name", out.name);
  in.read("device", out.device);
  in.read("parent", out.parent);
  in.read("wwpn", out.wwpn, &parse_wwn);
  in.read("wwnn", out.wwnn, &parse_wwn);
  in.read("loop", out.loop);
  in.read("confirmed_completion", out.confirmed_completion);
  in.read("dual_role", out.dual_role);
  in.read("report_changes", out.report_changes);
  in.read("queues", out.queues, 1, 255);
  in.read("enabled", out.enabled);
  in.read("initiators", out.initiators);
  in.read("relative_port_id", out.relative_port_id, 1, 65535);
}

void read_host_group(TableReader& in, scsi::HostGroup& out) {
  in.require("name");
  in.read("name", out.name);
  in.read("initiators", out.initiators);
}

void read_target_group(TableReader& in, scsi::TargetGroup& out) {
  in.require("name");
  in.read("name", out.name);
  in.read("targets", out.targets);
}

void read_view(TableReader& in, scsi::View& out) {
  in.require("lu");
  in.require("lun");
  in.read("lu", out.lu);
  in.read("lun", out.lun, 0, scsi::kMaxLunNumber);
  in.read("host_group", out.host_group);
  in.read("target_group", out.target_group);
  in.read("read_only", out.read_only);
}

void read_user(TableReader& in, User& out) {
  in.require("name");
  in.read("name", out.name);
  in.read("mutual_user", out.mutual_user);
}

void read_limits(TableReader& in, iscsi::Limits& out) {
  in.read("max_connections", out.max_connections, 1, 1'000'000);
  in.read("max_logins", out.max_logins, 1, 1'000'000);
  in.read("max_logins_per_peer", out.max_logins_per_peer, 1, 65'535);
  in.read("login_timeout", out.login_timeout);
  in.read("nop_interval", out.nop_interval);
  in.read("nop_timeout", out.nop_timeout);
}

void read_metrics(TableReader& in, Metrics& out) {
  in.read("listen", out.listen);
  in.read("sessions", out.sessions);
}

void read_radius(TableReader& in, iscsi::RadiusServers& out) {
  in.read("servers", out.addresses);
  in.read("secret_file", out.secret_file);
  in.read("nas_identifier", out.nas_identifier);
  in.read("timeout", out.timeout);
  in.read("tries", out.tries, 1, 10);
}

void read_isns(TableReader& in, iscsi::IsnsServer& out) {
  in.require("server");
  in.read("server", out.address);
  in.read("entity", out.entity);
  in.read("period", out.period);
  in.read("inquiry_interval", out.inquiry_interval);
  in.read("access_control", out.access_control);
}

class Parser {
 public:
  Parser(const toml::table& root, const std::string& origin) : root_(root), faults_(origin) {}

  void run() {
    entries("lu", "name", config_.logical_units, &read_lu);
    entries("portal", "address", config_.portals, &read_portal);
    entries("target", "name", config_.targets, &read_target);
    entries("fc_port", "name", config_.fc_ports, &read_fc_port);
    entries("host_group", "name", config_.mapping.host_groups, &read_host_group);
    entries("target_group", "name", config_.mapping.target_groups, &read_target_group);
    entries("view", "lu", config_.mapping.views, &read_view);
    entries("user", "name", config_.users, &read_user);
    section("discovery", config_, &read_discovery);
    section("limits", config_.limits, &read_limits);
    section("metrics", config_.metrics, &read_metrics);
    section("radius", config_.radius, &read_radius);
    entries("isns", "server", config_.isns, &read_isns);
    for (const auto& [key, node] : root_) {
      if (!known_.contains(key.str())) faults_.add(key.source().begin, fmt::format("unknown key \"{}\"", key.str()));
    }
  }
  void check() {
    if (faults_.any()) return;  // what was not read would only be reported again
    for (const Problem& problem : find_problems(config_)) faults_.add(place(problem), problem.text);
  }
  Config& config() { return config_; }
  // From now on, the sections that run() looks for are listed there.
  void list_sections(std::vector<KnownSection>& out) { listed_ = &out; }
  base::Result<void> result() const {
    if (faults_.any()) return tl::unexpected<base::Error>(faults_.error());
    return {};
  }

 private:
  // [[key]] entries.
  template <class Item, class Read>
  void entries(const char* key, const char* name_key, std::vector<Item>& out, Read read) {
    known(key, false);
    const toml::node* const node = root_.get(key);
    if (node == nullptr) return;
    const toml::array* const array = node->as_array();
    if (array == nullptr) {
      return faults_.add(node->source().begin, fmt::format("{0} must be written [[{0}]], once for each", key));
    }
    for (const toml::node& element : *array) {
      if (const toml::table* const table = element.as_table()) {
        TableReader in(*table, title(key, *table, name_key), faults_);
        read(in, out.emplace_back());
        read_through(in);
      } else {
        faults_.add(element.source().begin, fmt::format("{0} must be written [[{0}]], once for each", key));
      }
    }
  }
  template <class Section, class Read>
  void section(const char* key, Section& out, Read read) {
    known(key, true);
    const toml::node* const node = root_.get(key);
    if (node == nullptr) return;
    const toml::table* const table = node->as_table();
    if (table == nullptr) return faults_.add(node->source().begin, fmt::format("{0} must be written [{0}]", key));
    TableReader in(*table, key, faults_);
    read(in, out);
    read_through(in);
  }
  void known(const char* key, bool single) {
    known_.emplace(key);
    if (listed_ != nullptr) listed_->push_back({key, single, {}});
  }
  void read_through(TableReader& in) {
    in.finish();
    if (listed_ != nullptr) listed_->back().keys.assign(in.keys().begin(), in.keys().end());
  }
  toml::source_position place(const Problem& problem) const {
    const toml::node* node = root_.get(problem.section);
    if (node == nullptr) return {1, 1};
    if (const toml::array* const array = node->as_array()) node = array->get(problem.index);
    if (node == nullptr) return {1, 1};
    const toml::table* const table = node->as_table();
    const toml::node* const value = table != nullptr ? table->get(problem.key) : nullptr;
    return (value != nullptr ? value : node)->source().begin;
  }

  const toml::table& root_;
  Faults faults_;
  std::set<std::string, std::less<>> known_;
  Config config_;
  std::vector<KnownSection>* listed_ = nullptr;
};

void inherit_secrets(const Config& from, Config& config) {
  for (const User& known : from.users) {
    User* const user = config.find_user(known.name);
    if (user == nullptr) continue;
    user->secret = known.secret;
    if (!user->mutual_user.empty()) user->mutual_secret = known.mutual_secret;
  }
}

}  // namespace

base::Result<Config> parse_config(std::string_view text, const std::string& origin, const SecretsText& secrets,
                                  const Config* known) {
  const toml::table root = TRY(parse_toml(text, origin));
  Parser parser(root, origin);
  parser.run();
  if (known != nullptr) inherit_secrets(*known, parser.config());
  if (!secrets.text.empty()) TRY(take_secrets(secrets.text, secrets.origin, parser.config()));
  parser.check();
  TRY(parser.result());
  return std::move(parser.config());
}

// Reads a text that has each section once, and sees what is asked for.
std::vector<KnownSection> known_sections() {
  std::vector<KnownSection> names, all;
  const auto read = [](const toml::table& root, std::vector<KnownSection>& out) {
    Parser parser(root, "");
    parser.list_sections(out);
    parser.run();
  };
  read(toml::table(), names);
  std::string text;
  for (const KnownSection& section : names)
    text += fmt::format(fmt::runtime(section.single ? "[{}]\n" : "[[{}]]\n"), section.name);
  if (const auto root = parse_toml(text, "")) read(*root, all);
  return all;
}

base::Result<void> take_secrets(std::string_view text, const std::string& origin, Config& config) {
  const toml::table root = TRY(parse_toml(text, origin));
  Faults faults(origin);
  for (const auto& [name, node] : root) {
    const toml::table* const table = node.as_table();
    User* const user = config.find_user(std::string(name.str()));
    // The text of a key is not quoted either: somebody may have written the secret in its place.
    if (user == nullptr || table == nullptr) {
      faults.add(name.source().begin, "expected [\"USER\"] with secret = \"...\", where USER is in the configuration");
      continue;
    }
    TableReader in(*table, fmt::format("user \"{}\"", user->name), faults);
    std::string secret, mutual;
    in.read("secret", secret);
    in.read("mutual_secret", mutual);
    in.finish_quietly();  // somebody may have swapped key and value
    if (!secret.empty()) user->secret = Secret(secret);
    if (!mutual.empty()) user->mutual_secret = Secret(mutual);
    explicit_bzero(secret.data(), secret.size());
    explicit_bzero(mutual.data(), mutual.size());
  }
  if (faults.any()) return tl::unexpected<base::Error>(faults.error());
  return {};
}

}  // namespace ctl
