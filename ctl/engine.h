// The real machine: the SCSI core, its backstores and the fabrics, as one thing that a configuration acts on.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "ctl/fc_ports.h"
#include "ctl/isns/client.h"
#include "ctl/machine.h"
#include "ctl/metrics/endpoint.h"
#include "ctl/radius/client.h"
#include "ctl/radius/udp.h"
#include "hal/reactor.h"
#include "hal/worker.h"
#include "scsi_core/medium_state.h"
#include "scsi_core/metadata_store.h"

namespace ctl {

class Engine final : public Machine {
 public:
  struct Parts {  // all outlive the engine
    hal::Reactor& control;
    hal::Worker& worker;  // opens and resizes media
    scsi::MetadataStore& metadata;
    scsi::Core& core;
    iscsi::Fabric& fabric;
    fcp::Fabric& fcp;
    FcPorts& fc_ports;
    hal::Worker& device_worker;  // opens and binds adapters
    Captures& captures;
  };
  explicit Engine(Parts parts);

  base::Result<void> validate(const Config& config) const override;
  void add_lu(const LogicalUnit& lu, Done done) override;
  std::optional<std::string> why_absent(const std::string& name) const override;
  Part filling(const std::string& name) const override;
  void remove_lu(const std::string& name, Done done) override;
  void forget_lu(const std::string& name, Done done) override;
  void resize_lu(const std::string& name, std::uint64_t blocks, Done done) override;
  void modify_lu(const std::string& name, const scsi::LuConfig& unit, Done done) override;
  void set_views(const scsi::ViewTable& table, Done done) override;
  void apply_fabric(const iscsi::FabricConfig& fabric, Done done) override;
  void apply_fc(const std::vector<FcPort>& ports, Done done) override;
  void apply_metrics(const Metrics& metrics, Done done) override;
  void inject(const scsi::InjectRule& rule, std::function<void(base::Result<std::uint32_t>)> done) override;
  void remove_inject(std::uint32_t id, Done done) override;
  void start_capture(const hal::CaptureFilter& filter, std::size_t buffer,
                     std::function<void(base::Result<std::uint64_t>)> done) override;
  base::Result<CapturePiece> read_capture(std::uint64_t number) override;
  void stop_capture(std::uint64_t number, Done done) override;
  void logout_session(std::uint64_t id, base::Duration grace, Done done) override;
  void ask_to_negotiate(std::uint64_t id, base::Duration limit, Done done) override;
  void list_lus(std::function<void(std::vector<scsi::LuInfo>)> done) override;
  void list_commands(std::function<void(std::vector<scsi::CommandInfo>)> done) override;
  void list_ports(std::function<void(std::vector<scsi::NamedStatistics>)> done) override;
  void list_nexuses(std::function<void(std::vector<scsi::NexusInfo>)> done) override;
  void list_injects(std::function<void(std::vector<scsi::InjectRule>)> done) override;
  void list_sessions(std::function<void(std::vector<iscsi::SessionInfo>)> done) override;
  void list_events(std::function<void(std::vector<iscsi::EventInfo>)> done) override;
  void counters(std::function<void(iscsi::FabricCounters)> done) override;
  void list_fc_ports(std::function<void(std::vector<FcPortInfo>)> done) override;
  void list_fc_sessions(std::function<void(std::vector<fcp::SessionInfo>)> done) override;
  void list_fc_events(std::function<void(std::vector<fcp::EventInfo>)> done) override;
  void fc_counters(std::function<void(fcp::FabricCounters)> done) override;
  void dump_fc_port(const std::string& port, const std::string& what,
                    std::function<void(base::Result<std::string>)> done) override;
  void list_devices(std::function<void(base::Result<std::vector<DeviceInfo>>)> done) override;
  void bind_device(const std::string& address, Done done) override;
  void unbind_device(const std::string& address, Done done) override;
  std::string metrics_address() const override { return metrics_.address(); }
  std::vector<std::string> portal_addresses() const override;
  std::vector<isns::Info> list_isns() const override;
  // What discovery domains change waits until it is let go; false: something of that is being changed just now.
  bool hold_domains();
  void let_domains_go();
  // Upgrade in place: units that are added under these names go on with these media.
  void inherit_media(std::map<std::string, scsi::MediumState> media) { inherited_ = std::move(media); }
  // Takes back what is registered elsewhere; `done` when that is over, soon in any case.
  void leave_name_services(std::function<void()> done);

 private:
  struct Opening;
  void tell_target_ports(Done done);
  void on_device_worker(std::function<base::Result<void>(AdapterSource&)> call, Done done);
  // engine_names.cc
  base::Result<void> use_radius(const iscsi::RadiusServers& servers);
  void register_names(const iscsi::FabricConfig& fabric);
  void change_fabric(iscsi::FabricConfig fabric, Done done);
  void domains_changed();
  void opened(Opening& opening);
  void added(const std::string& name, const base::Result<void>& result);

  Parts parts_;
  std::map<std::string, scsi::MediumState> inherited_;
  std::map<std::string, const Opening*> opening_;  // name -> the attempt that is wanted
  std::map<std::string, std::string> absent_;      // name -> why its last add failed
  std::vector<scsi::TargetPortIdentity> iscsi_ports_;
  iscsi::RadiusServers radius_servers_;
  radius::Udp radius_udp_;
  radius::Client radius_;
  std::vector<std::unique_ptr<isns::Client>> isns_, leaving_isns_;
  iscsi::FabricConfig fabric_;  // in force; only while discovery domains may change who may log in
  bool fabric_changes_ = false, domains_changed_ = false, domains_held_ = false;
  std::deque<std::function<void()>> waiting_changes_;  // of the fabric
  MetricsEndpoint metrics_{parts_.control, *this};
};

}  // namespace ctl
