// Opening devices.
#include "ctl/outboardd/adapters.h"

#include <fmt/format.h>

#include "drivers/qla/adapter.h"
#include "hal/pci.h"
#include "hal/vfio/device.h"
#include "hal/vfio_user/client.h"

namespace ctl {
namespace {

constexpr std::string_view kSocket = "unix:", kVfio = "vfio-pci";
constexpr std::uint16_t kQlogic = 0x1077;
constexpr std::uint32_t kFibreChannel = 0x0c04;  // class and subclass

base::Result<std::unique_ptr<hal::PciDevice>> open_device(const std::string& address) {
  if (address.starts_with(kSocket)) return hal::vfio_user::open(address.substr(kSocket.size()));
  return hal::vfio::open(address);
}

// Why the function cannot be used as it is; empty: it can, or could be bound.
std::string obstacle_of(const hal::vfio::Sysfs& sysfs, const hal::vfio::Function& function, bool known) {
  if (!known) return "no driver of ours knows this chip";
  if (function.driver == kVfio) return {};
  if (std::string use = sysfs.use(function.identity.address); !use.empty()) return use;
  if (function.iommu_group < 0 || function.no_iommu) return "there is no IOMMU for it";
  const auto viable = sysfs.check_group(function);
  return viable.has_value() ? std::string() : viable.error().text;
}

// The configuration has been checked: a name that is not a WWN is none.
hal::fc::Wwn name_of(const std::string& text) { return hal::fc::parse_wwn(text).value_or(hal::fc::Wwn{}); }

}  // namespace

base::Result<std::unique_ptr<hal::fc::FcPort>> Adapters::open(const FcPort& config,
                                                              const std::vector<FcPort>& virtual_ports,
                                                              const std::vector<hal::Reactor*>& reactors) {
  auto device = TRY(open_device(config.device));
  qla::Options options;
  options.name = config.name;
  options.port_name = name_of(config.wwpn);
  options.node_name = name_of(config.wwnn);
  options.loop = config.loop;
  options.confirmed_completion = config.confirmed_completion;
  options.initiator = config.dual_role;
  options.dump_folder = dump_folder_;
  options.reactors.assign(reactors.begin() + 1, reactors.end());
  for (const FcPort& port : virtual_ports) {
    options.virtual_ports.push_back({port.name, name_of(port.wwpn), name_of(port.wwnn)});
  }
  return TRY(qla::Adapter::create(std::move(device), *reactors.front(), std::move(options)));
}

base::Result<std::vector<DeviceInfo>> Adapters::list() {
  const hal::vfio::Sysfs sysfs;
  std::vector<DeviceInfo> devices;
  for (const hal::vfio::Function& function : sysfs.list()) {
    const hal::PciIdentity& id = function.identity;
    if (id.vendor != kQlogic || id.class_code >> 8 != kFibreChannel) continue;
    const qla::Chip* const chip = qla::find_chip(id);
    DeviceInfo& device = devices.emplace_back();
    device.address = id.address;
    device.model = chip != nullptr ? fmt::format("QLogic {}", chip->name) : fmt::format("QLogic {:04x}", id.device);
    device.driver = function.driver;
    device.vendor = id.vendor;
    device.device = id.device;
    device.iommu_group = function.iommu_group;
    device.numa_node = id.numa_node;
    device.obstacle = obstacle_of(sysfs, function, chip != nullptr);
  }
  return devices;
}

base::Result<void> Adapters::bind(const std::string& address) { return hal::vfio::Sysfs().bind(address); }

base::Result<void> Adapters::unbind(const std::string& address) { return hal::vfio::Sysfs().unbind(address); }

}  // namespace ctl
