// What a configuration acts on: the SCSI core, its backstores and the fabrics, behind one door. Runs on the
// control reactor; every `done` is called there later, exactly once. Real: engine.h. Tests bring their own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/capture/captures.h"
#include "ctl/config/config.h"
#include "ctl/isns/info.h"
#include "ctl/steps.h"
#include "fabrics/fcp/service.h"
#include "fabrics/iscsi/service.h"
#include "scsi_core/core.h"

namespace ctl {

struct FcPortInfo {  // one line of `tgtctl port list`
  FcPort config;
  std::string state;  // "online", the adapter's bring-up step, "offline", "waiting for its device: why"
  fcp::PortStatus status;
};

struct DeviceInfo {  // one line of `tgtctl device list`: a PCI function that some driver of ours knows
  std::string address, model, driver;  // "0000:3b:00.0", "QLogic ISP2532", "vfio-pci"
  std::uint16_t vendor = 0, device = 0;
  int iommu_group = -1, numa_node = -1;
  std::string obstacle;  // why it cannot be used; empty: it can
};

class Machine {
 public:
  virtual ~Machine() = default;

  // What only the parts themselves can judge: LUN conflicts between views, the fabric's own rules.
  virtual base::Result<void> validate(const Config& config) const = 0;

  virtual void add_lu(const LogicalUnit& lu, Done done) = 0;
  // Why the last add_lu of this name failed; nullopt: it is there, or was never wanted.
  virtual std::optional<std::string> why_absent(const std::string& name) const = 0;
  virtual Part filling(const std::string& name) const = 0;  // of the medium of a logical unit that is being added
  virtual void remove_lu(const std::string& name, Done done) = 0;
  // Erases what was saved for a removed logical unit: a later one of that name begins without reservations.
  virtual void forget_lu(const std::string& name, Done done) = 0;
  virtual void resize_lu(const std::string& name, std::uint64_t blocks, Done done) = 0;
  virtual void modify_lu(const std::string& name, const scsi::LuConfig& unit, Done done) = 0;
  // May name logical units that are not there (yet): nobody sees them.
  virtual void set_views(const scsi::ViewTable& table, Done done) = 0;
  virtual void apply_fabric(const iscsi::FabricConfig& fabric, Done done) = 0;

  // Adapters come up in their own time: what keeps one from it is told by list_fc_ports, and is no failure here.
  virtual void apply_fc(const std::vector<FcPort>& ports, Done done) = 0;

  virtual void apply_metrics(const Metrics& metrics, Done done) = 0;

  virtual void inject(const scsi::InjectRule& rule, std::function<void(base::Result<std::uint32_t>)> done) = 0;
  virtual void remove_inject(std::uint32_t id, Done done) = 0;
  // Captures::start, read and stop (ctl/capture).
  virtual void start_capture(const hal::CaptureFilter& filter, std::size_t buffer,
                             std::function<void(base::Result<std::uint64_t>)> done) = 0;
  virtual base::Result<CapturePiece> read_capture(std::uint64_t number) = 0;
  virtual void stop_capture(std::uint64_t number, Done done) = 0;
  virtual void logout_session(std::uint64_t id, base::Duration grace, Done done) = 0;
  virtual void ask_to_negotiate(std::uint64_t id, base::Duration limit, Done done) = 0;

  virtual void list_lus(std::function<void(std::vector<scsi::LuInfo>)> done) = 0;
  virtual void list_commands(std::function<void(std::vector<scsi::CommandInfo>)> done) = 0;
  // What the core counted at each target port, by the port's name.
  virtual void list_ports(std::function<void(std::vector<scsi::NamedStatistics>)> done) = 0;
  virtual void list_nexuses(std::function<void(std::vector<scsi::NexusInfo>)> done) = 0;
  virtual void list_injects(std::function<void(std::vector<scsi::InjectRule>)> done) = 0;
  virtual void list_sessions(std::function<void(std::vector<iscsi::SessionInfo>)> done) = 0;
  virtual void list_events(std::function<void(std::vector<iscsi::EventInfo>)> done) = 0;
  virtual void counters(std::function<void(iscsi::FabricCounters)> done) = 0;
  virtual void list_fc_ports(std::function<void(std::vector<FcPortInfo>)> done) = 0;
  virtual void list_fc_sessions(std::function<void(std::vector<fcp::SessionInfo>)> done) = 0;
  virtual void list_fc_events(std::function<void(std::vector<fcp::EventInfo>)> done) = 0;
  virtual void fc_counters(std::function<void(fcp::FabricCounters)> done) = 0;
  virtual void dump_fc_port(const std::string& port, const std::string& what,
                            std::function<void(base::Result<std::string>)> done) = 0;
  virtual void list_devices(std::function<void(base::Result<std::vector<DeviceInfo>>)> done) = 0;
  virtual void bind_device(const std::string& address, Done done) = 0;
  virtual void unbind_device(const std::string& address, Done done) = 0;
  virtual std::vector<isns::Info> list_isns() const = 0;
  virtual std::string metrics_address() const = 0;                // as opened; empty: none
  virtual std::vector<std::string> portal_addresses() const = 0;  // as opened, in the order of the configuration
};

}  // namespace ctl
