// Carrying configuration to core and fabrics.
#include "ctl/engine.h"

#include <fmt/format.h>

#include <memory>

#include "ctl/domains.h"
#include "ctl/log.h"
#include "fabrics/iscsi/settings.h"
#include "scsi_core/backstores/backstores.h"
#include "scsi_core/disk/mode_pages.h"
#include "scsi_core/reservation/reservations.h"

namespace ctl {
namespace {

using Kind = scsi::BackstoreConfig::Kind;

scsi::BackstoreConfig backstore_config(const LogicalUnit& lu) {
  const StoreSpec& spec = lu.store;
  scsi::BackstoreConfig out;
  out.kind = spec.kind == StoreKind::kRam ? Kind::kRam : spec.kind == StoreKind::kNull ? Kind::kNull : Kind::kFile;
  out.path = spec.path;
  out.size = spec.size;
  out.block_size = spec.block_size;
  out.thin = spec.thin;
  out.memory_limit = spec.memory_limit;
  out.protection = lu.unit.protection_type != 0;
  out.protection_path = spec.protection_path;
  return out;
}

std::vector<scsi::TargetPortIdentity> ports_of(const iscsi::FabricConfig& fabric) {
  std::vector<scsi::TargetPortIdentity> ports;
  for (const iscsi::Target& target : fabric.targets) {
    for (const std::uint16_t group : target.portal_groups) {
      ports.push_back(iscsi::Settings::port_identity(target, group));
    }
  }
  return ports;
}

}  // namespace

// One attempt to open a medium; goes to the worker and comes back.
struct Engine::Opening {
  LogicalUnit lu;
  Done done;
  std::optional<scsi::MediumState> inherited;
  scsi::Filling filling = {};
  base::Result<std::unique_ptr<scsi::Backstore>> store = nullptr;
  void open() { store = scsi::make_backstore(backstore_config(lu), inherited ? &*inherited : nullptr, &filling); }
};

Engine::Engine(Parts parts) : parts_(parts), radius_udp_(parts.control), radius_(parts.control, radius_udp_) {
  radius_udp_.on_received(
      [this](std::size_t server, std::span<const std::byte> packet) { radius_.received(server, packet); });
  parts_.fabric.set_chap_verifier(radius_);
  parts_.fcp.on_target_ports([this] { tell_target_ports([](const base::Result<void>&) {}); });
}

base::Result<void> Engine::validate(const Config& config) const {
  TRY(config.mapping.validate());
  TRY(fcp_config(config.fc_ports).validate());
  return fabric_config(config).validate();
}

void Engine::add_lu(const LogicalUnit& lu, Done done) {
  auto* const opening = new Opening{lu, std::move(done), std::nullopt};  // deleted by opened()
  if (auto mine = inherited_.extract(lu.unit.name)) opening->inherited = std::move(mine.mapped());
  opening_[lu.unit.name] = opening;
  parts_.worker.submit(
      parts_.control, [opening] { opening->open(); }, [this, opening] { opened(*std::unique_ptr<Opening>(opening)); });
}

void Engine::opened(Opening& opening) {
  const std::string& name = opening.lu.unit.name;
  const auto wanted = opening_.find(name);
  if (wanted == opening_.end() || wanted->second != &opening) {
    return opening.done(base::fail(base::Errc::kTimeout, "it was taken back before its medium was open"));
  }
  opening_.erase(wanted);
  const auto finish = [this, name, done = std::move(opening.done)](const base::Result<void>& result) {
    added(name, result);
    done(result);
  };
  if (!opening.store) return finish(tl::unexpected<base::Error>(opening.store.error()));
  parts_.core.add_disk(opening.lu.unit, std::move(*opening.store), finish);
}

void Engine::added(const std::string& name, const base::Result<void>& result) {
  absent_.erase(name);
  if (!result) absent_[name] = result.error().text;
}

std::optional<std::string> Engine::why_absent(const std::string& name) const {
  const auto found = absent_.find(name);
  if (found == absent_.end()) return std::nullopt;
  return found->second;
}

Part Engine::filling(const std::string& name) const {
  const auto found = opening_.find(name);
  if (found == opening_.end()) return {};
  const scsi::Filling& filling = found->second->filling;
  return {filling.done.load(std::memory_order_relaxed), filling.of.load(std::memory_order_relaxed)};
}

void Engine::remove_lu(const std::string& name, Done done) {
  opening_.erase(name);
  absent_.erase(name);
  parts_.core.remove_lu(name, std::move(done));
}

void Engine::forget_lu(const std::string& name, Done done) {
  parts_.metadata.erase(parts_.control, name, scsi::kReservationsRecord,
                        [this, name, done = std::move(done)](const base::Result<void>& result) {
                          if (!result) return done(result);
                          parts_.metadata.erase(parts_.control, name, scsi::disk::kModePagesRecord, done);
                        });
}

void Engine::resize_lu(const std::string& name, std::uint64_t blocks, Done done) {
  parts_.core.resize_lu(name, blocks, std::move(done));
}

void Engine::modify_lu(const std::string& name, const scsi::LuConfig& unit, Done done) {
  parts_.core.modify_lu(name, unit, std::move(done));
}

void Engine::set_views(const scsi::ViewTable& table, Done done) { parts_.core.set_views(table, std::move(done)); }

// The core knows the ports before initiators can reach new ones, and forgets old ones after their sessions have ended:
// it is told the new list last, which is early enough as nothing is registered for a port that nobody has used.
void Engine::apply_fabric(const iscsi::FabricConfig& fabric, Done done) {
  const iscsi::RadiusServers before = radius_servers_;
  if (const auto radius = use_radius(fabric.radius); !radius) {
    return parts_.control.post_function(
        [error = radius.error(), done = std::move(done)] { done(tl::unexpected<base::Error>(error)); });
  }
  change_fabric(fabric, [this, before, fabric = without_secrets(fabric),
                         done = std::move(done)](const base::Result<void>& result) {
    if (!result) {
      if (!use_radius(before)) kLog.error("the RADIUS servers of before cannot be used again");
      return done(result);
    }
    register_names(fabric);
    iscsi_ports_ = ports_of(fabric);
    tell_target_ports(done);
  });
}

void Engine::apply_fc(const std::vector<FcPort>& ports, Done done) {
  parts_.fc_ports.apply(ports, [this, done = std::move(done)](const base::Result<void>& result) {
    if (!result) return done(result);
    tell_target_ports(done);
  });
}

void Engine::apply_metrics(const Metrics& metrics, Done done) {
  parts_.control.post_function([result = metrics_.apply(metrics), done = std::move(done)] { done(result); });
}

void Engine::tell_target_ports(Done done) {
  std::vector<scsi::TargetPortIdentity> ports = iscsi_ports_;
  for (scsi::TargetPortIdentity& port : parts_.fcp.target_ports()) ports.push_back(std::move(port));
  parts_.core.set_target_ports(std::move(ports), std::move(done));
}

void Engine::inject(const scsi::InjectRule& rule, std::function<void(base::Result<std::uint32_t>)> done) {
  parts_.core.inject(rule, std::move(done));
}
void Engine::remove_inject(std::uint32_t id, Done done) { parts_.core.remove_inject(id, std::move(done)); }
void Engine::start_capture(const hal::CaptureFilter& filter, std::size_t buffer,
                           std::function<void(base::Result<std::uint64_t>)> done) {
  parts_.captures.start(filter, buffer, std::move(done));
}
base::Result<CapturePiece> Engine::read_capture(std::uint64_t number) { return parts_.captures.read(number); }
void Engine::stop_capture(std::uint64_t number, Done done) { parts_.captures.stop(number, std::move(done)); }
void Engine::logout_session(std::uint64_t id, base::Duration grace, Done done) {
  if (id >= fcp::kFirstSession) return parts_.fcp.logout_session(id, std::move(done));
  parts_.fabric.logout_session(id, grace, std::move(done));
}
void Engine::ask_to_negotiate(std::uint64_t id, base::Duration limit, Done done) {
  parts_.fabric.ask_to_negotiate(id, limit, std::move(done));  // which has no session of another fabric
}
void Engine::list_lus(std::function<void(std::vector<scsi::LuInfo>)> done) { parts_.core.list_lus(std::move(done)); }
void Engine::list_commands(std::function<void(std::vector<scsi::CommandInfo>)> done) {
  parts_.core.list_commands(std::move(done));
}
void Engine::list_ports(std::function<void(std::vector<scsi::NamedStatistics>)> done) {
  parts_.core.list_ports(std::move(done));
}
void Engine::list_nexuses(std::function<void(std::vector<scsi::NexusInfo>)> done) {
  parts_.core.list_nexuses(std::move(done));
}
void Engine::list_injects(std::function<void(std::vector<scsi::InjectRule>)> done) {
  parts_.core.list_injects(std::move(done));
}
void Engine::list_sessions(std::function<void(std::vector<iscsi::SessionInfo>)> done) {
  parts_.fabric.list_sessions(std::move(done));
}
void Engine::list_events(std::function<void(std::vector<iscsi::EventInfo>)> done) {
  parts_.fabric.list_events(std::move(done));
}
void Engine::counters(std::function<void(iscsi::FabricCounters)> done) { parts_.fabric.counters(std::move(done)); }
void Engine::list_fc_ports(std::function<void(std::vector<FcPortInfo>)> done) { parts_.fc_ports.list(std::move(done)); }
void Engine::list_fc_sessions(std::function<void(std::vector<fcp::SessionInfo>)> done) {
  parts_.fcp.list_sessions(std::move(done));
}
void Engine::list_fc_events(std::function<void(std::vector<fcp::EventInfo>)> done) {
  parts_.fcp.list_events(std::move(done));
}
void Engine::fc_counters(std::function<void(fcp::FabricCounters)> done) { parts_.fcp.counters(std::move(done)); }
void Engine::dump_fc_port(const std::string& port, const std::string& what,
                          std::function<void(base::Result<std::string>)> done) {
  parts_.fcp.dump(port, what, std::move(done));
}

void Engine::on_device_worker(std::function<base::Result<void>(AdapterSource&)> call, Done done) {
  auto* const result = new base::Result<void>();  // freed by the second function, which runs after the first
  parts_.device_worker.submit(
      parts_.control, [this, call = std::move(call), result] { *result = call(parts_.fc_ports.source()); },
      [result, done = std::move(done)] { done(std::move(*std::unique_ptr<base::Result<void>>(result))); });
}

void Engine::list_devices(std::function<void(base::Result<std::vector<DeviceInfo>>)> done) {
  auto* const list = new std::vector<DeviceInfo>();  // likewise
  on_device_worker(
      [list](AdapterSource& source) -> base::Result<void> {
        *list = TRY(source.list());
        return {};
      },
      [list, done = std::move(done)](const base::Result<void>& result) {
        const std::unique_ptr<std::vector<DeviceInfo>> mine(list);
        if (!result) return done(tl::unexpected<base::Error>(result.error()));
        done(std::move(*mine));
      });
}

void Engine::bind_device(const std::string& address, Done done) {
  on_device_worker([address](AdapterSource& source) { return source.bind(address); }, std::move(done));
}
void Engine::unbind_device(const std::string& address, Done done) {
  on_device_worker([address](AdapterSource& source) { return source.unbind(address); }, std::move(done));
}

std::vector<std::string> Engine::portal_addresses() const { return parts_.fabric.portal_addresses(); }

}  // namespace ctl
