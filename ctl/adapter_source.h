// Where adapters come from: opens the device of a Fibre Channel port, lists and binds PCI functions. Real:
// outboardd/adapters.h. Every member blocks: called on a worker's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ctl/config/config.h"
#include "ctl/machine.h"
#include "hal/port/fc_port.h"
#include "hal/reactor.h"

namespace ctl {

class AdapterSource {
 public:
  virtual ~AdapterSource() = default;
  // The port is not started; it and its first queue are on the first of `reactors`, further ones on the others. It is
  // destroyed when it has stopped, on any thread. Its virtual_ports() are `virtual_ports`.
  virtual base::Result<std::unique_ptr<hal::fc::FcPort>> open(const FcPort& config,
                                                              const std::vector<FcPort>& virtual_ports,
                                                              const std::vector<hal::Reactor*>& reactors) = 0;
  virtual base::Result<std::vector<DeviceInfo>> list() = 0;
  virtual base::Result<void> bind(const std::string& address) = 0;    // to the driver that lets us have it
  virtual base::Result<void> unbind(const std::string& address) = 0;  // and back to the one before
};

}  // namespace ctl
