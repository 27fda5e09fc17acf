// Targets, portals, users, discovery, limits, sessions.
#include <charconv>

#include "ctl/config/target_keys.h"
#include "ctl/service/edits.h"
#include "ctl/service/service.h"
#include "ctl/service/show.h"

namespace ctl {
namespace {

base::Result<void> edit_access(const Params& params, Access& access) {
  if (params.has("authentication")) TRY(parse_authentication(params.text("authentication"), access));
  if (params.has("users")) access.users = words(params.list("users"));
  if (!params.has("algorithms")) return {};
  access.algorithms.clear();
  for (const std::string& name : words(params.list("algorithms"))) {
    const auto algorithm = parse_chap_algorithm(name);
    if (!algorithm) return base::fail(base::Errc::kInvalid, "algorithms " + algorithm.error().text);
    access.algorithms.push_back(*algorithm);
  }
  return {};
}

base::Result<std::vector<std::uint16_t>> parse_groups(const std::vector<std::string>& words_given) {
  std::vector<std::uint16_t> out;
  for (const std::string& word : words(words_given)) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) {
      return base::fail(base::Errc::kInvalid, "portal_groups must be numbers from 0 to 65535");
    }
    out.push_back(number);
  }
  return out;
}

void edit_redirection(const Params& params, iscsi::Redirection& redirection) {
  if (params.has("redirect")) redirection.address = params.text("redirect");
  if (params.has("redirect_permanent")) redirection.permanent = params.flag("redirect_permanent");
  if (redirection.address.empty() && !params.has("redirect_permanent")) redirection.permanent = false;
}

base::Result<void> edit_target_keys(const Params& params, iscsi::TargetKeys& keys) {
  base::Result<void> result;
  for_each_target_key([&](const char* key, const char*, auto member, auto...) {
    if (!params.has(key) || !result) return;
    if constexpr (kIsDigest<decltype(member)>) {
      const auto use = parse_digest_use(params.text(key));
      if (use) {
        keys.*member = *use;
      } else {
        result = tl::unexpected<base::Error>(use.error());
      }
    } else if constexpr (kIsFlag<decltype(member)>) {
      keys.*member = params.flag(key);
    } else {
      keys.*member = static_cast<std::remove_reference_t<decltype(keys.*member)>>(params.integer(key));
    }
  });
  return result;
}

base::Result<void> edit_target(const Params& params, Target& target) {
  if (params.has("alias")) target.alias = params.text("alias");
  if (params.has("portal_groups")) target.portal_groups = TRY(parse_groups(params.list("portal_groups")));
  if (params.has("initiators")) target.initiators = words(params.list("initiators"));
  if (params.has("command_window"))
    target.command_window = static_cast<std::uint16_t>(params.integer("command_window"));
  if (params.has("max_connections"))
    target.max_connections = static_cast<std::uint16_t>(params.integer("max_connections"));
  if (params.has("initiator_addresses")) target.initiator_addresses = words(params.list("initiator_addresses"));
  if (params.has("max_sessions")) target.max_sessions = static_cast<std::uint32_t>(params.integer("max_sessions"));
  if (params.has("error_recovery_level"))
    target.error_recovery_level = static_cast<std::uint8_t>(params.integer("error_recovery_level"));
  const auto count = [&](const char* key, std::uint32_t& out) {
    if (params.has(key)) out = static_cast<std::uint32_t>(params.integer(key));
  };
  count("max_logins_per_second", target.max_logins_per_second);
  count("max_commands", target.max_commands);
  if (params.has("report_changes")) target.report_changes = params.flag("report_changes");
  TRY(edit_target_keys(params, target.keys));
  edit_redirection(params, target.redirection);
  return edit_access(params, target.access);
}

base::Result<void> edit_user(const Params& params, User& user) {
  if (params.has("secret")) user.secret = params.secret("secret");
  if (params.has("mutual_user")) user.mutual_user = params.text("mutual_user");
  if (params.has("mutual_secret")) user.mutual_secret = params.secret("mutual_secret");
  if (user.mutual_user.empty() && !params.has("mutual_secret")) user.mutual_secret = Secret();
  return {};
}

}  // namespace

void Service::target_create(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        Target target;
        target.name = params.text("name");
        TRY(edit_target(params, target));
        return add_named(config.targets, "target", std::move(target));
      },
      std::move(reply));
}

void Service::target_delete(const Params& params, Reply reply) {
  change([name = params.text("name")](Config& config) { return remove_named(config.targets, "target", name); },
         std::move(reply));
}

void Service::target_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        return edit_target(params, *TRY(find_named(config.targets, "target", params.text("name"))));
      },
      std::move(reply));
}

void Service::target_list(const Params&, Reply reply) {
  Json out = Json::array();
  for (const Target& target : transactor_.config().targets) out.push_back(show(target));
  reply(std::move(out));
}

void Service::portal_add(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        iscsi::Portal portal;
        portal.address = params.text("address");
        if (params.has("group")) portal.tag = static_cast<std::uint16_t>(params.integer("group"));
        const auto count = [&](const char* key, std::uint32_t& out) {
          if (params.has(key)) out = static_cast<std::uint32_t>(params.integer(key));
        };
        count("max_connections", portal.max_connections);
        count("max_sessions", portal.max_sessions);
        count("max_logins_per_second", portal.max_logins_per_second);
        edit_redirection(params, portal.redirection);
        config.portals.push_back(std::move(portal));
        return {};
      },
      std::move(reply));
}

void Service::portal_remove(const Params& params, Reply reply) {
  change(
      [address = params.text("address")](Config& config) -> base::Result<void> {
        const auto removed =
            std::erase_if(config.portals, [&](const iscsi::Portal& portal) { return portal.address == address; });
        if (removed == 0) return base::fail(base::Errc::kNotFound, "there is no portal \"" + address + "\"");
        return {};
      },
      std::move(reply));
}

void Service::portal_list(const Params&, Reply reply) {
  const std::vector<std::string> opened = machine_.portal_addresses();
  const std::vector<iscsi::Portal>& portals = transactor_.config().portals;
  Json out = Json::array();
  for (std::size_t i = 0; i < portals.size(); ++i) {
    out.push_back({{"address", portals[i].address},
                   {"group", portals[i].tag},
                   {"max_connections", portals[i].max_connections},
                   {"max_sessions", portals[i].max_sessions},
                   {"max_logins_per_second", portals[i].max_logins_per_second},
                   {"redirect", portals[i].redirection.address},
                   {"redirect_permanent", portals[i].redirection.permanent},
                   {"listening", i < opened.size() ? opened[i] : std::string()}});
  }
  reply(std::move(out));
}

void Service::user_add(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        User user;
        user.name = params.text("name");
        TRY(edit_user(params, user));
        return add_named(config.users, "user", std::move(user));
      },
      std::move(reply));
}

void Service::user_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        return edit_user(params, *TRY(find_named(config.users, "user", params.text("name"))));
      },
      std::move(reply));
}

void Service::user_remove(const Params& params, Reply reply) {
  change([name = params.text("name")](Config& config) { return remove_named(config.users, "user", name); },
         std::move(reply));
}

void Service::user_list(const Params&, Reply reply) {
  Json out = Json::array();
  for (const User& user : transactor_.config().users) {
    out.push_back({{"name", user.name}, {"mutual_user", user.mutual_user}});
  }
  reply(std::move(out));
}

void Service::discovery_show(const Params&, Reply reply) {
  const iscsi::Listing& listing = transactor_.config().listing;
  Json out = show(transactor_.config().discovery);
  out["list_forbidden"] = listing.forbidden;
  out["list_other_portal_groups"] = listing.other_portal_groups;
  reply(std::move(out));
}

void Service::discovery_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) {
        iscsi::Listing& listing = config.listing;
        if (params.has("list_forbidden")) listing.forbidden = params.flag("list_forbidden");
        if (params.has("list_other_portal_groups")) {
          listing.other_portal_groups = params.flag("list_other_portal_groups");
        }
        return edit_access(params, config.discovery);
      },
      std::move(reply));
}

void Service::limits_show(const Params&, Reply reply) { reply(show(transactor_.config().limits)); }

void Service::limits_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        iscsi::Limits& limits = config.limits;
        const auto count = [&](const char* key, std::uint32_t& out) {
          if (params.has(key)) out = static_cast<std::uint32_t>(params.integer(key));
        };
        const auto time = [&](const char* key, base::Duration& out) {
          if (params.has(key)) out = params.duration(key);
        };
        count("max_connections", limits.max_connections);
        count("max_logins", limits.max_logins);
        count("max_logins_per_peer", limits.max_logins_per_peer);
        time("login_timeout", limits.login_timeout);
        time("nop_interval", limits.nop_interval);
        time("nop_timeout", limits.nop_timeout);
        return {};
      },
      std::move(reply));
}

void Service::isns_list(const Params&, Reply reply) {
  Json out = Json::array();
  for (const isns::Info& info : machine_.list_isns()) {
    Json one = {{"server", info.server},
                {"entity", info.entity},
                {"state", isns::state_name(info.state)},
                {"registered", info.registered},
                {"targets", info.targets},
                {"inquiries", info.inquiries},
                {"notifications", info.notifications},
                {"access_control", info.access_control}};
    if (info.next_try) one["next_try_ms"] = milliseconds(*info.next_try);
    if (!info.last_error.empty()) {
      one["last_error"] = info.last_error;
      one["last_error_age_ms"] = milliseconds(info.error_age);
    }
    if (info.members) one["initiators"] = *info.members;
    out.push_back(std::move(one));
  }
  reply(std::move(out));
}

void Service::session_list(const Params&, Reply reply) {
  list_sessions([reply = std::move(reply)](Json sessions) { reply(std::move(sessions)); });
}

void Service::session_show(const Params& params, Reply reply) {
  list_sessions([id = params.integer("id"), reply = std::move(reply)](const Json& sessions) {
    for (const Json& session : sessions) {
      if (session["id"] == id) return reply(session);
    }
    reply(base::fail(base::Errc::kNotFound, fmt::format("there is no session {}", id)));
  });
}

// Of all fabrics.
void Service::list_sessions(std::function<void(Json)> done) {
  machine_.list_sessions([this, done = std::move(done)](const std::vector<iscsi::SessionInfo>& sessions) {
    Json out = Json::array();
    for (const iscsi::SessionInfo& session : sessions) out.push_back(show(session));
    machine_.list_fc_sessions([out, done](const std::vector<fcp::SessionInfo>& more) mutable {
      for (const fcp::SessionInfo& session : more) out.push_back(show(session));
      done(std::move(out));
    });
  });
}

void Service::session_logout(const Params& params, Reply reply) {
  if (params.flag("force") && params.has("grace")) {
    return reply(base::fail(base::Errc::kInvalid, "force leaves no time: give grace or force"));
  }
  base::Duration grace = params.has("grace") ? params.duration("grace") : std::chrono::seconds(10);
  if (params.flag("force")) grace = base::Duration::zero();
  machine_.logout_session(static_cast<std::uint64_t>(params.integer("id")), grace,
                          [reply = std::move(reply)](const base::Result<void>& result) {
                            if (!result) return reply(tl::unexpected<base::Error>(result.error()));
                            reply(Json::object());
                          });
}

void Service::session_negotiate(const Params& params, Reply reply) {
  const base::Duration limit = params.has("within") ? params.duration("within") : std::chrono::seconds(10);
  machine_.ask_to_negotiate(static_cast<std::uint64_t>(params.integer("id")), limit,
                            [reply = std::move(reply)](const base::Result<void>& result) {
                              if (!result) return reply(tl::unexpected<base::Error>(result.error()));
                              reply(Json::object());
                            });
}

}  // namespace ctl
