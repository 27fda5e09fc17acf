// The Fibre Channel ports of a configuration: opens their devices, hands them to the fabric, lets go of them. A device
// that cannot be had, or fails for good, is tried again; nothing here fails because of one. Lives on the control
// reactor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ctl/adapter_source.h"
#include "ctl/steps.h"
#include "fabrics/fcp/service.h"
#include "hal/timer.h"
#include "hal/worker.h"

namespace ctl {

// Virtual ports come and go with the adapter of their parent; one more or one less means that it is opened anew.
class FcPorts {
 public:
  static constexpr base::Duration kRetry = std::chrono::seconds(2);
  struct Parts {  // all outlive the ports
    hal::Reactor& control;
    hal::Worker& worker;
    std::vector<hal::Reactor*> data;  // those of the fabric
    fcp::Fabric& fabric;
    AdapterSource& source;
  };
  explicit FcPorts(Parts parts);
  ~FcPorts();  // after stop()

  // `done` when ports that go are gone and those that stay have their settings; devices come up later.
  void apply(const std::vector<FcPort>& wanted, Done done);
  void list(std::function<void(std::vector<FcPortInfo>)> done);
  void stop(Done done);
  AdapterSource& source() { return parts_.source; }

 private:
  enum class State : std::uint8_t { kWaiting, kOpening, kAttached, kLeaving };
  struct Port {
    FcPort config;
    std::vector<FcPort> virtual_ports;  // on its link, as it was opened with; each has an entry of its own, too
    State state = State::kWaiting;
    std::string trouble;  // why it waits
    std::uint64_t attempt = 0;
    hal::Reactor* reactor = nullptr;
    std::unique_ptr<hal::fc::FcPort> adapter;
  };
  struct Opening;
  void let_go(const std::string& name, Done done);
  void attach_virtual(const Port& port);
  void remove_next(std::vector<std::string> names, Done done);
  void settle(Done done);
  void open(Port& port);
  void opened(Opening& opening);
  void failed(const std::string& name, const std::string& why);
  void given_up(const std::string& name, const base::Result<void>& result);
  void retry_later();
  static void retry(void* context);
  hal::Reactor& least_used() const;
  std::vector<hal::Reactor*> reactors_of(const Port& port) const;
  std::vector<FcPort> children_of(const std::string& name) const;
  static std::string state_of(const FcPort& config, const Port* port, const fcp::PortStatus& status);

  Parts parts_;
  std::vector<FcPort> wanted_;
  std::map<std::string, Port> ports_;  // enabled ones, and those that leave
  std::uint64_t next_attempt_ = 1;
  std::vector<std::function<void()>> after_leaving_;  // changes that wait for an adapter that failed to be gone
  bool stopping_ = false;
  hal::Timer timer_{&FcPorts::retry, this};
};

}  // namespace ctl
