// The service of the fabric, handed to its part on the control reactor.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "fabrics/fcp/fabric_control.h"
#include "fabrics/fcp/service.h"

namespace fcp {
namespace {

// A WWPN, in whole or with wildcards.
bool is_pattern(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '*' ||
           c == '?';
  });
}

}  // namespace

base::Result<void> FabricConfig::validate() const {
  std::set<std::string> names;
  std::set<std::uint16_t> ids;
  for (const PortConfig& port : ports) {
    if (port.name.empty()) return base::fail(base::Errc::kInvalid, "a port has no name");
    if (!names.insert(port.name).second) {
      return base::fail(base::Errc::kExists, fmt::format("two ports are called {}", port.name));
    }
    if (port.relative_id == 0 || !ids.insert(port.relative_id).second) {
      return base::fail(base::Errc::kInvalid, fmt::format("port {}: relative port identifier {} is in use or 0",
                                                          port.name, port.relative_id));
    }
    for (const std::string& initiator : port.initiators) {
      if (is_pattern(initiator)) continue;
      return base::fail(base::Errc::kInvalid, fmt::format("port {}: \"{}\" is no WWPN", port.name, initiator));
    }
  }
  return {};
}

FabricCounters& FabricCounters::operator+=(const FabricCounters& other) {
  logins += other.logins;
  logins_refused += other.logins_refused;
  logins_ended += other.logins_ended;
  aborts += other.aborts;
  task_management += other.task_management;
  invalid_commands += other.invalid_commands;
  stray_commands += other.stray_commands;
  state_changes += other.state_changes;
  state_reports += other.state_reports;
  state_reports_failed += other.state_reports_failed;
  registrations += other.registrations;
  registrations_failed += other.registrations_failed;
  adapter_failures += other.adapter_failures;
  return *this;
}

struct Fabric::Impl {
  FabricControl control;
};

Fabric::Fabric(std::vector<scsi::TaskRouter*> routers, hal::Reactor& control, std::vector<hal::Reactor*> data)
    : impl_(new Impl{{std::move(routers), control, std::move(data)}}) {}

Fabric::~Fabric() = default;

base::Result<void> Fabric::attach(const std::string& name, hal::fc::FcPort& port) {
  return impl_->control.attach(name, port);
}
void Fabric::detach(const std::string& name, scsi::Done done) { impl_->control.detach(name, std::move(done)); }
void Fabric::apply(FabricConfig config, scsi::Done done) { impl_->control.apply(std::move(config), std::move(done)); }
std::vector<scsi::TargetPortIdentity> Fabric::target_ports() const { return impl_->control.target_ports(); }
void Fabric::on_target_ports(std::function<void()> changed) { impl_->control.on_target_ports(std::move(changed)); }
void Fabric::on_port_failed(std::function<void(const std::string&, const std::string&)> failed) {
  impl_->control.on_port_failed(std::move(failed));
}
void Fabric::list_ports(std::function<void(std::vector<PortStatus>)> done) {
  impl_->control.list_ports(std::move(done));
}
void Fabric::list_sessions(std::function<void(std::vector<SessionInfo>)> done) {
  impl_->control.list_sessions(std::move(done));
}
void Fabric::list_events(std::function<void(std::vector<EventInfo>)> done) {
  impl_->control.list_events(std::move(done));
}
void Fabric::logout_session(std::uint64_t id, scsi::Done done) { impl_->control.logout_session(id, std::move(done)); }
void Fabric::counters(std::function<void(FabricCounters)> done) { impl_->control.counters(std::move(done)); }
void Fabric::dump(const std::string& port, const std::string& what,
                  std::function<void(base::Result<std::string>)> done) {
  impl_->control.dump(port, what, std::move(done));
}
void Fabric::stop(scsi::Done done) { impl_->control.stop(std::move(done)); }

}  // namespace fcp
