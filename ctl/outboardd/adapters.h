// The adapters of this machine and of models beside it: hal::PciDevice by address, a driver for what it is.
#pragma once

#include "ctl/adapter_source.h"

namespace ctl {

class Adapters final : public AdapterSource {
 public:
  // What adapters that crash leave behind goes to `dump_folder`.
  explicit Adapters(std::string dump_folder) : dump_folder_(std::move(dump_folder)) {}
  base::Result<std::unique_ptr<hal::fc::FcPort>> open(const FcPort& config, const std::vector<FcPort>& virtual_ports,
                                                      const std::vector<hal::Reactor*>& reactors) override;
  base::Result<std::vector<DeviceInfo>> list() override;
  base::Result<void> bind(const std::string& address) override;
  base::Result<void> unbind(const std::string& address) override;

 private:
  std::string dump_folder_;
};

}  // namespace ctl
