// Opening devices.
#include "ctl/outboardd/adapters.h"

#include <fmt/format.h>

#include "drivers/qla/adapter.h"
#include "hal/pci.h"
#include "hal/vfio_user/client.h"

namespace ctl {
namespace {

constexpr std::string_view kSocket = "unix:";

base::Result<std::unique_ptr<hal::PciDevice>> open_device(const std::string& address) {
  if (address.starts_with(kSocket)) return hal::vfio_user::open(address.substr(kSocket.size()));
  return base::fail(base::Errc::kUnsupported, fmt::format("{}: devices of this machine cannot be opened yet", address));
}

// The configuration has been checked: a name that is not a WWN is none.
hal::fc::Wwn name_of(const std::string& text) { return hal::fc::parse_wwn(text).value_or(hal::fc::Wwn{}); }

}  // namespace

base::Result<std::unique_ptr<hal::fc::FcPort>> Adapters::open(const FcPort& config, hal::Reactor& reactor) {
  auto device = TRY(open_device(config.device));
  qla::Options options;
  options.name = config.name;
  options.port_name = name_of(config.wwpn);
  options.node_name = name_of(config.wwnn);
  options.dump_folder = dump_folder_;
  return TRY(qla::Adapter::create(std::move(device), reactor, std::move(options)));
}

base::Result<std::vector<DeviceInfo>> Adapters::list() { return std::vector<DeviceInfo>(); }

base::Result<void> Adapters::bind(const std::string& address) {
  return open_device(address).map([](auto&&) {});
}

base::Result<void> Adapters::unbind(const std::string& address) {
  return open_device(address).map([](auto&&) {});
}

}  // namespace ctl
