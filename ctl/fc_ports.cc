// Ports coming and going.
#include "ctl/fc_ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace ctl {
namespace {

constexpr base::Logger kFcLog("fc");

// What needs a new adapter object, rather than new settings of the fabric.
bool same_adapter(const FcPort& a, const FcPort& b) {
  return a.device == b.device && a.wwpn == b.wwpn && a.wwnn == b.wwnn && a.loop == b.loop &&
         a.confirmed_completion == b.confirmed_completion && a.dual_role == b.dual_role && a.queues == b.queues;
}

bool same_virtual_port(const FcPort& a, const FcPort& b) {
  return a.name == b.name && a.wwpn == b.wwpn && a.wwnn == b.wwnn;
}

}  // namespace

// One attempt to open a device; goes to the worker and comes back.
struct FcPorts::Opening {
  FcPort config;
  std::vector<FcPort> virtual_ports;
  std::vector<hal::Reactor*> reactors;
  std::uint64_t attempt;
  base::Result<std::unique_ptr<hal::fc::FcPort>> port = nullptr;
};

FcPorts::FcPorts(Parts parts) : parts_(std::move(parts)) {
  parts_.fabric.on_port_failed([this](const std::string& name, const std::string& why) { failed(name, why); });
}

FcPorts::~FcPorts() = default;

void FcPorts::apply(const std::vector<FcPort>& wanted, Done done) {
  wanted_ = wanted;
  stopping_ = false;
  std::vector<std::string> leaving;
  for (const auto& [name, port] : ports_) {
    if (!port.config.parent.empty()) continue;  // goes with its parent
    const auto still = std::find_if(wanted.begin(), wanted.end(), [&, &key = name](const FcPort& config) {
      return config.name == key && config.enabled && same_adapter(config, ports_.at(key).config);
    });
    const std::vector<FcPort> children = children_of(name);
    const bool same = std::equal(children.begin(), children.end(), port.virtual_ports.begin(), port.virtual_ports.end(),
                                 &same_virtual_port);
    if (still == wanted.end() || !same) leaving.push_back(name);
  }
  remove_next(std::move(leaving), std::move(done));
}

// One after the other; then the settings of those that stay, then new ones.
void FcPorts::remove_next(std::vector<std::string> names, Done done) {
  while (!names.empty()) {
    const auto port = ports_.find(names.back());
    if (port != ports_.end() && port->second.state == State::kAttached) break;
    if (port != ports_.end() && port->second.state == State::kLeaving) {
      after_leaving_.emplace_back([this, names, done] { remove_next(names, done); });
      return;
    }
    if (port != ports_.end()) ports_.erase(port);  // an attempt that is under way finds nobody who wants it
    names.pop_back();
  }
  if (names.empty()) return settle(std::move(done));
  const std::string name = names.back();
  names.pop_back();
  ports_.at(name).state = State::kLeaving;
  let_go(name, [this, name, rest = std::move(names), done = std::move(done)](const base::Result<void>& result) mutable {
    if (!result) {
      ports_.at(name).state = State::kAttached;
      return done(base::fail(result.error().code, fmt::format("port \"{}\": {}", name, result.error().text)));
    }
    ports_.erase(name);
    remove_next(std::move(rest), std::move(done));
  });
}

// Its virtual ports, all at once: each may wait for initiators that have vanished. Then itself.
void FcPorts::let_go(const std::string& name, Done done) {
  std::vector<std::string> children;
  for (auto& [child, port] : ports_) {
    if (port.config.parent != name || port.state != State::kAttached) continue;
    port.state = State::kLeaving;
    children.push_back(child);
  }
  if (children.empty()) return parts_.fabric.detach(name, std::move(done));
  struct Farewell {
    std::size_t left;
    base::Result<void> result;
  };
  auto* const farewell = new Farewell{children.size(), {}};  // deleted by the last answer
  for (const std::string& child : children) {
    parts_.fabric.detach(child, [this, name, child, farewell, done](const base::Result<void>& result) {
      if (result) {
        ports_.erase(child);
      } else {
        ports_.at(child).state = State::kAttached;
        farewell->result = result;
      }
      if (--farewell->left != 0) return;
      const std::unique_ptr<Farewell> last(farewell);
      if (!last->result) return done(last->result);
      let_go(name, done);
    });
  }
}

std::vector<FcPort> FcPorts::children_of(const std::string& name) const {
  std::vector<FcPort> children;
  std::copy_if(wanted_.begin(), wanted_.end(), std::back_inserter(children),
               [&](const FcPort& config) { return config.parent == name; });
  return children;
}

void FcPorts::settle(Done done) {
  parts_.fabric.apply(fcp_config(wanted_), std::move(done));
  for (const FcPort& config : wanted_) {
    if (!config.enabled || !config.parent.empty()) continue;
    Port& port = ports_[config.name];
    port.config = config;
    if (port.state != State::kAttached) port.virtual_ports = children_of(config.name);
    if (port.state == State::kWaiting) open(port);
  }
}

hal::Reactor& FcPorts::least_used() const {
  const auto users = [this](const hal::Reactor* reactor) {
    return std::count_if(ports_.begin(), ports_.end(),
                         [&](const auto& each) { return each.second.reactor == reactor; });
  };
  return **std::min_element(parts_.data.begin(), parts_.data.end(),
                            [&](auto* a, auto* b) { return users(a) < users(b); });
}

// The adapter's own, then those behind it in turn: one for each queue that it may have.
std::vector<hal::Reactor*> FcPorts::reactors_of(const Port& port) const {
  std::vector<hal::Reactor*> reactors = parts_.data;
  std::rotate(reactors.begin(), std::find(reactors.begin(), reactors.end(), port.reactor), reactors.end());
  if (port.config.queues != 0) reactors.resize(std::min<std::size_t>(reactors.size(), port.config.queues));
  return reactors;
}

void FcPorts::open(Port& port) {
  port.state = State::kOpening;
  port.attempt = next_attempt_++;
  if (port.reactor == nullptr) port.reactor = &least_used();
  auto* const opening =
      new Opening{port.config, port.virtual_ports, reactors_of(port), port.attempt};  // deleted by the second function
  parts_.worker.submit(
      parts_.control,
      [this, opening] {
        opening->port = parts_.source.open(opening->config, opening->virtual_ports, opening->reactors);
      },
      [this, opening] { opened(*std::unique_ptr<Opening>(opening)); });
}

void FcPorts::opened(Opening& opening) {
  const auto at = ports_.find(opening.config.name);
  if (at == ports_.end() || at->second.attempt != opening.attempt || at->second.state != State::kOpening) return;
  Port& port = at->second;
  base::Result<void> attached;
  if (!opening.port) {
    attached = tl::unexpected<base::Error>(opening.port.error());
  } else {
    port.adapter = std::move(*opening.port);
    attached = parts_.fabric.attach(opening.config.name, *port.adapter);
  }
  if (attached) {
    port.state = State::kAttached;
    port.trouble.clear();
    kFcLog.info("{}: {} is ours", opening.config.name, opening.config.device);
    return attach_virtual(port);
  }
  port.adapter.reset();
  port.state = State::kWaiting;
  if (port.trouble != attached.error().text) kFcLog.warn("{}: {}", opening.config.name, attached.error().text);
  port.trouble = attached.error().text;
  retry_later();
}

void FcPorts::attach_virtual(const Port& port) {
  const std::vector<hal::fc::FcPort*> made = port.adapter->virtual_ports();
  for (std::size_t i = 0; i < std::min(made.size(), port.virtual_ports.size()); ++i) {
    const FcPort& config = port.virtual_ports[i];
    if (auto attached = parts_.fabric.attach(config.name, *made[i]); !attached) {
      kFcLog.error("{}: {}", config.name, attached.error().text);
      continue;
    }
    Port& entry = ports_[config.name];
    entry.config = config;
    entry.state = State::kAttached;
  }
}

// The adapter is gone for good: a device of that address may come again.
void FcPorts::failed(const std::string& name, const std::string& why) {
  const auto at = ports_.find(name);
  if (at == ports_.end() || at->second.state != State::kAttached || !at->second.config.parent.empty()) return;
  at->second.state = State::kLeaving;
  at->second.trouble = why;
  let_go(name, [this, name](const base::Result<void>& result) { given_up(name, result); });
}

void FcPorts::given_up(const std::string& name, const base::Result<void>& result) {
  Port& port = ports_.at(name);
  if (!result) kFcLog.error("{}: {}", name, result.error().text);
  port.state = result ? State::kWaiting : State::kAttached;
  if (result) port.adapter.reset();
  retry_later();
  for (const auto& change : std::exchange(after_leaving_, {})) change();
}

void FcPorts::retry_later() {
  if (!timer_.armed() && !stopping_) timer_.arm(parts_.control.timers(), parts_.control.now() + kRetry);
}

void FcPorts::retry(void* context) {
  auto& self = *static_cast<FcPorts*>(context);
  for (auto& [name, port] : self.ports_) {
    if (port.state == State::kWaiting) self.open(port);
  }
}

void FcPorts::stop(Done done) {
  stopping_ = true;
  timer_.disarm();
  wanted_.clear();
  std::vector<std::string> all;
  for (const auto& [name, port] : ports_) {
    if (port.config.parent.empty()) all.push_back(name);
  }
  remove_next(std::move(all), std::move(done));
}

std::string FcPorts::state_of(const FcPort& config, const Port* port, const fcp::PortStatus& status) {
  if (!config.enabled) return "offline";
  if (port == nullptr && !config.parent.empty()) return "waiting for port " + config.parent;
  if (port == nullptr || port->state == State::kOpening) return "opening its device";
  if (port->state == State::kWaiting) return "waiting for its device: " + port->trouble;
  if (port->state == State::kLeaving) return "being let go";
  if (status.info.state == "online" && !status.info.link) return "link down";
  return status.info.state;
}

void FcPorts::list(std::function<void(std::vector<FcPortInfo>)> done) {
  parts_.fabric.list_ports([this, done = std::move(done)](const std::vector<fcp::PortStatus>& all) {
    std::vector<FcPortInfo> out;
    for (const FcPort& config : wanted_) {
      FcPortInfo info{config, {}, {}};
      for (const fcp::PortStatus& status : all) {
        if (status.config.name == config.name) info.status = status;
      }
      const auto port = ports_.find(config.name);
      info.state = state_of(config, port == ports_.end() ? nullptr : &port->second, info.status);
      out.push_back(std::move(info));
    }
    done(std::move(out));
  });
}

}  // namespace ctl
