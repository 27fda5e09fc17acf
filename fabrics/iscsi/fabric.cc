// The service of the fabric, handed to its part on the control reactor.
#include <algorithm>

#include "fabrics/iscsi/fabric_control.h"
#include "fabrics/iscsi/handover.h"
#include "fabrics/iscsi/service.h"

namespace iscsi {

FabricCounters& FabricCounters::operator+=(const FabricCounters& other) {
  logins += other.logins;
  login_failures += other.login_failures;
  authentication_failures += other.authentication_failures;
  redirections += other.redirections;
  rejects += other.rejects;
  digest_errors += other.digest_errors;
  protocol_errors += other.protocol_errors;
  connections_refused += other.connections_refused;
  recovery_bytes += other.recovery_bytes;
  recovery_refusals += other.recovery_refusals;
  return *this;
}

struct Fabric::Impl {
  FabricControl control;
};

Fabric::Fabric(std::vector<scsi::TaskRouter*> routers, hal::Datamover& datamover, hal::Reactor& control,
               std::vector<hal::Reactor*> data)
    : impl_(new Impl{{std::move(routers), datamover, control, std::move(data)}}) {}

Fabric::~Fabric() = default;

void Fabric::apply(FabricConfig config, scsi::Done done) { impl_->control.apply(std::move(config), std::move(done)); }

void Fabric::set_chap_verifier(ChapVerifier& verifier) { impl_->control.set_chap_verifier(verifier); }

std::vector<scsi::TargetPortIdentity> Fabric::target_ports() const { return impl_->control.target_ports(); }

std::vector<std::string> Fabric::portal_addresses() const {
  std::vector<std::string> addresses;
  for (const Portal& portal : impl_->control.portals()) addresses.push_back(portal.address);
  return addresses;
}

void Fabric::list_events(std::function<void(std::vector<EventInfo>)> done) {
  impl_->control.list_events(std::move(done));
}

void Fabric::list_sessions(std::function<void(std::vector<SessionInfo>)> done) {
  impl_->control.list_sessions(std::move(done));
}

void Fabric::logout_session(std::uint64_t id, base::Duration grace, scsi::Done done) {
  impl_->control.logout_session(id, grace, std::move(done));
}
void Fabric::ask_to_negotiate(std::uint64_t id, base::Duration limit, scsi::Done done) {
  impl_->control.ask_to_negotiate(id, limit, std::move(done));
}

void Fabric::counters(std::function<void(FabricCounters)> done) { impl_->control.counters(std::move(done)); }

void Fabric::freeze(base::Duration limit, bool force, std::function<void(base::Result<FabricState>)> done) {
  impl_->control.freeze(limit, force, std::move(done));
}

void Fabric::thaw() { impl_->control.thaw(); }

std::vector<FabricListener> Fabric::listeners() const { return impl_->control.listeners(); }

void Fabric::adopt_listeners(std::vector<FabricListener> listeners) {
  impl_->control.adopt_listeners(std::move(listeners));
}

void Fabric::restore(FabricState state, scsi::Done done) { impl_->control.restore(std::move(state), std::move(done)); }

void Fabric::stop(base::Duration grace, scsi::Done done) { impl_->control.stop(grace, std::move(done)); }

}  // namespace iscsi
