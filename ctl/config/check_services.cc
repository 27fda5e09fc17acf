// Rules of limits, and of the services beside the targets.
#include "ctl/config/checker.h"
#include "ctl/config/names.h"
#include "ctl/units.h"

namespace ctl {

void Checker::limits() {
  using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;
  const iscsi::Limits& limits = config_.limits;
  require(limits.max_connections >= 1 && limits.max_connections <= 1'000'000, "limits", 0, "max_connections",
          "limits: max_connections is 1 to 1000000");
  require(limits.max_logins_per_peer >= 1 && limits.max_logins_per_peer <= 65'535, "limits", 0, "max_logins_per_peer",
          "limits: max_logins_per_peer is 1 to 65535");
  require(limits.max_logins >= 1 && limits.max_logins <= 1'000'000, "limits", 0, "max_logins",
          "limits: max_logins is 1 to 1000000");
  duration("limits", 0, "login_timeout", limits.login_timeout, seconds(1), minutes(10), false);
  duration("limits", 0, "nop_interval", limits.nop_interval, seconds(1), hours(1), true);
  duration("limits", 0, "nop_timeout", limits.nop_timeout, seconds(1), minutes(10), false);
}

void Checker::metrics() {
  const std::string& listen = config_.metrics.listen;
  require(listen.empty() || valid_portal_address(listen), "metrics", 0, "listen",
          "metrics: listen is 127.0.0.1:9480 or [::1]:9480, not \"{}\"", listen);
}

void Checker::radius() {
  const iscsi::RadiusServers& servers = config_.radius;
  std::set<std::string> seen;
  for (const std::string& address : servers.addresses) {
    require(valid_portal_address(address) && !address.ends_with(":0"), "radius", 0, "servers",
            "radius: \"{}\": a server is 192.0.2.5:1812 or [2001:db8::5]:1812", address);
    require(seen.insert(address).second, "radius", 0, "servers", "radius: server \"{}\" is there twice", address);
  }
  require(servers.addresses.size() <= 8, "radius", 0, "servers", "radius: there are at most 8 servers");
  require(servers.addresses.empty() || valid_path(servers.secret_file), "radius", 0, "secret_file",
          "radius: secret_file is the absolute path of a file that only we can read");
  require(servers.nas_identifier.size() <= 253 && printable_ascii(servers.nas_identifier), "radius", 0,
          "nas_identifier", "radius: nas_identifier is at most 253 printable ASCII characters");
  require(servers.tries >= 1 && servers.tries <= 10, "radius", 0, "tries", "radius: tries is 1 to 10");
  duration("radius", 0, "timeout", servers.timeout, std::chrono::milliseconds(100), std::chrono::seconds(30), false);
}

void Checker::isns() {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < config_.isns.size(); ++i) {
    const iscsi::IsnsServer& server = config_.isns[i];
    require(valid_portal_address(server.address) && !server.address.ends_with(":0"), "isns", i, "server",
            "isns: \"{}\": a server is 192.0.2.6:3205 or [2001:db8::6]:3205", server.address);
    require(seen.insert(server.address).second, "isns", i, "server", "isns server \"{}\" is there twice",
            server.address);
    require(server.entity.size() <= 255 && printable_ascii(server.entity), "isns", i, "entity",
            "isns: entity is at most 255 printable ASCII characters");
    duration("isns", i, "period", server.period, std::chrono::seconds(15), std::chrono::hours(24), false);
    duration("isns", i, "inquiry_interval", server.inquiry_interval, std::chrono::seconds(1), std::chrono::hours(1),
             false);
  }
}

void Checker::duration(const char* section, std::size_t index, const char* key, base::Duration value,
                       base::Duration least, base::Duration most, bool or_zero) {
  require((or_zero && value == base::Duration::zero()) || (value >= least && value <= most), section, index, key,
          "{}: {} is {} to {}{}", section, key, format_duration(least), format_duration(most),
          or_zero ? ", or 0s for never" : "");
}

}  // namespace ctl
