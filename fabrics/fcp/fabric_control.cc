// Settings as the control reactor keeps them, and their way to the ports.
#include "fabrics/fcp/fabric_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fcp {
FabricControl::FabricControl(std::vector<scsi::TaskRouter*> routers, hal::Reactor& control,
                             std::vector<hal::Reactor*> data)
    : control_(control), routers_(std::move(routers)), data_(std::move(data)) {}

FabricControl::~FabricControl() = default;

void FabricControl::answer(scsi::Done done, base::Result<void> result) {
  control_.post_function([run = std::move(done), outcome = std::move(result)] { run(outcome); });
}

FabricControl::Place* FabricControl::find(const std::string& name) {
  const auto at = std::find_if(places_.begin(), places_.end(), [&](const auto& place) { return place->name == name; });
  return at == places_.end() ? nullptr : at->get();
}

const PortConfig* FabricControl::config_of(const std::string& name) const {
  const auto at = std::find_if(config_.ports.begin(), config_.ports.end(),
                               [&](const PortConfig& port) { return port.name == name; });
  return at == config_.ports.end() ? nullptr : &*at;
}

// What a port is told: nothing of it in the configuration, or the end of everything, means offline.
PortConfig FabricControl::settings_for(const std::string& name) const {
  const PortConfig* const config = config_of(name);
  PortConfig settings = config != nullptr ? *config : PortConfig{.name = name, .online = false};
  settings.online = settings.online && !stopping_;
  return settings;
}

void FabricControl::apply(FabricConfig config, scsi::Done done) {
  if (auto valid = config.validate(); !valid) return answer(std::move(done), std::move(valid));
  config_ = std::move(config);
  stopping_ = false;
  settle_ports(kChangeLimit, std::move(done));
}

void FabricControl::stop(scsi::Done done) {
  stopping_ = true;
  settle_ports(kChangeLimit, std::move(done));
}

void FabricControl::settle_ports(base::Duration limit, scsi::Done done) {
  std::vector<Round<char>::Call> calls;
  for (const auto& place : places_) {
    if (place->leaving) continue;
    PortControl& port = *place->port;
    calls.push_back(
        {&port.reactor(), [&port, settings = settings_for(place->name)](char&, Round<char>::PartDone part_done) {
           port.apply(settings, std::move(part_done));
         }});
  }
  Round<char>::start(control_, limit, "to take the new settings and end the logins that they do not allow",
                     std::move(calls),
                     [done = std::move(done)](base::Result<void> result, auto&) { done(std::move(result)); });
}

void FabricControl::logout_session(std::uint64_t id, scsi::Done done) {
  std::vector<Round<char>::Call> calls;
  for (const auto& place : places_) {
    if (place->leaving) continue;
    PortControl& port = *place->port;
    calls.push_back({&port.reactor(), [&port, id](char& found, const Round<char>::PartDone& part_done) {
                       found = 1;
                       if (port.logout(id, part_done)) return;
                       found = 0;
                       part_done();
                     }});
  }
  Round<char>::start(control_, kChangeLimit, "to end a session", std::move(calls),
                     [id, done = std::move(done)](base::Result<void> result, const std::vector<char>& found) {
                       if (result && std::find(found.begin(), found.end(), 1) == found.end()) {
                         result = base::fail(base::Errc::kNotFound, fmt::format("there is no session {}", id));
                       }
                       done(std::move(result));
                     });
}

}  // namespace fcp
