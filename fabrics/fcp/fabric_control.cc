// Ports and settings as the control reactor keeps them.
#include "fabrics/fcp/fabric_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace fcp {
namespace {

constexpr base::Duration kChangeLimit = std::chrono::seconds(30);

template <class Item>
std::vector<Item> joined(const base::Result<void>& result, std::vector<std::vector<Item>>& lists) {
  std::vector<Item> all;
  for (std::vector<Item>& list : lists) {
    if (result) std::move(list.begin(), list.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

FabricControl::FabricControl(std::vector<scsi::TaskRouter*> routers, hal::Reactor& control,
                             std::vector<hal::Reactor*> data)
    : control_(control), routers_(std::move(routers)), data_(std::move(data)) {}

FabricControl::~FabricControl() = default;

void FabricControl::answer(scsi::Done done, base::Result<void> result) {
  control_.post_function([run = std::move(done), outcome = std::move(result)] { run(outcome); });
}

template <class Part>
void FabricControl::ask_all(const char* what, const OnPort<Part>& on_port, const OnLane<Part>& on_lane,
                            typename Round<Part>::Done done) {
  std::vector<typename Round<Part>::Call> calls;
  for (const auto& place : places_) {
    if (place->leaving) continue;
    PortControl& port = *place->port;
    if (on_port) {
      calls.push_back({&port.reactor(), [&port, on_port](Part& part, const auto& part_done) {
                         on_port(port, part);
                         part_done();
                       }});
    }
    for (const auto& lane : port.lanes()) {
      if (!on_lane) continue;
      calls.push_back({&lane->reactor(), [each = lane.get(), on_lane](Part& part, const auto& part_done) {
                         on_lane(*each, part);
                         part_done();
                       }});
    }
  }
  Round<Part>::start(control_, kChangeLimit, what, std::move(calls), std::move(done));
}

// --- ports ---

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

base::Result<void> FabricControl::attach(const std::string& name, hal::fc::FcPort& port) {
  if (find(name) != nullptr) return base::fail(base::Errc::kExists, fmt::format("port \"{}\" is there already", name));
  std::vector<scsi::TaskRouter*> routers;
  for (hal::fc::FcQueue* queue : port.queues()) {
    const auto at = std::find(data_.begin(), data_.end(), &queue->reactor());
    if (at == data_.end()) {
      return base::fail(base::Errc::kInvalid, fmt::format("port \"{}\": a queue is on no data reactor", name));
    }
    routers.push_back(routers_[static_cast<std::size_t>(at - data_.begin())]);
  }
  auto place = std::make_unique<Place>();
  place->name = name;
  place->port = std::make_unique<PortControl>(port, name, std::move(routers), *this);
  PortControl& made = *place->port;
  places_.push_back(std::move(place));
  made.reactor().post_function([&made, settings = settings_for(name)] { made.apply(settings, [] {}); });
  return {};
}

void FabricControl::detach(const std::string& name, scsi::Done done) {
  Place* const place = find(name);
  if (place == nullptr || place->leaving) {
    return answer(std::move(done), base::fail(base::Errc::kNotFound, fmt::format("there is no port \"{}\"", name)));
  }
  place->leaving = true;  // from now on nobody else asks it anything
  PortControl& port = *place->port;
  std::vector<Round<char>::Call> off;
  off.push_back({&port.reactor(), [&port, name](char&, Round<char>::PartDone part_done) {
                   port.apply({.name = name, .online = false}, std::move(part_done));
                 }});
  const auto gone = [this, name, done = std::move(done)](const base::Result<void>& result, auto&) {
    if (result) std::erase_if(places_, [&](const auto& each) { return each->name == name; });
    done(result);
  };
  // Once it is off, what lanes and port still had on their way to each other comes first.
  const auto is_off = [this, &port, gone, place](base::Result<void> result, std::vector<char>& parts) {
    if (!result) {
      place->leaving = false;
      return gone(result, parts);
    }
    std::vector<Round<char>::Call> last;
    const auto nothing = [](char&, const Round<char>::PartDone& part_done) { part_done(); };
    for (const auto& lane : port.lanes()) last.push_back({&lane->reactor(), nothing});
    last.push_back({&port.reactor(), nothing});
    Round<char>::start(control_, kChangeLimit, "to let go of a port", std::move(last), gone);
  };
  Round<char>::start(control_, kChangeLimit, "to take a port off the link", std::move(off), is_off);
}

void FabricControl::port_named(const std::string& port, hal::fc::Wwn name) {
  control_.post_function([this, port, name] {
    Place* const place = find(port);
    if (place == nullptr) return;
    place->wwpn = name;
    if (changed_) changed_();
  });
}

void FabricControl::port_failed(const std::string& port, const std::string& why) {
  control_.post_function([this, port, why] {
    const Place* const place = find(port);
    if (place != nullptr && !place->leaving && failed_) failed_(port, why);
  });
}

std::vector<scsi::TargetPortIdentity> FabricControl::target_ports() const {
  std::vector<scsi::TargetPortIdentity> ports;
  for (const PortConfig& config : config_.ports) {
    scsi::TargetPortIdentity identity{.protocol = 0,
                                      .relative_id = config.relative_id,
                                      .port_group = config.port_group,
                                      .target_name = config.name,
                                      .port_name = {}};
    for (const auto& place : places_) {
      const base::be64 bytes = place->wwpn.raw;
      if (place->name != config.name || place->wwpn.raw == 0) continue;
      identity.port_name.assign(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    }
    ports.push_back(std::move(identity));
  }
  return ports;
}

// --- settings ---

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

// --- questions ---

void FabricControl::list_ports(std::function<void(std::vector<PortStatus>)> done) {
  using List = std::vector<PortStatus>;
  ask_all<List>(
      "to tell their state", [](PortControl& port, List& list) { list.push_back(port.status()); }, nullptr,
      [this, done = std::move(done)](const base::Result<void>& result, std::vector<List>& lists) {
        List all = joined(result, lists);
        for (const PortConfig& config : config_.ports) {
          const bool there = std::any_of(all.begin(), all.end(),
                                         [&](const PortStatus& port) { return port.config.name == config.name; });
          if (!there) all.push_back({.config = config, .attached = false, .registration = {}, .info = {}});
        }
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.config.name < b.config.name; });
        done(std::move(all));
      });
}

void FabricControl::list_sessions(std::function<void(std::vector<SessionInfo>)> done) {
  using List = std::vector<SessionInfo>;
  ask_all<List>(
      "to list their sessions", nullptr, [](Lane& lane, List& list) { list = lane.sessions(); },
      [done = std::move(done)](const base::Result<void>& result, std::vector<List>& lists) {
        List all = joined(result, lists);
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        done(std::move(all));
      });
}

void FabricControl::list_events(std::function<void(std::vector<EventInfo>)> done) {
  using List = std::vector<EventInfo>;
  ask_all<List>(
      "to list their events", [](PortControl& port, List& list) { list = port.events(); },
      [](Lane& lane, List& list) { list = lane.events(); },
      [done = std::move(done)](const base::Result<void>& result, std::vector<List>& lists) {
        List all = joined(result, lists);
        std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.age > b.age; });
        done(std::move(all));
      });
}

void FabricControl::counters(std::function<void(FabricCounters)> done) {
  ask_all<FabricCounters>(
      "to count", [](PortControl& port, FabricCounters& part) { part = port.counters(); },
      [](Lane& lane, FabricCounters& part) { part = lane.counters(); },
      [done = std::move(done)](const base::Result<void>& result, const std::vector<FabricCounters>& parts) {
        FabricCounters sum;
        for (const FabricCounters& part : parts) {
          if (result) sum += part;
        }
        done(sum);
      });
}

void FabricControl::dump(const std::string& port, const std::string& what,
                         std::function<void(base::Result<std::string>)> done) {
  Place* const place = find(port);
  if (place == nullptr || place->leaving) {
    control_.post_function([run = std::move(done), port] {
      run(base::fail(base::Errc::kNotFound, fmt::format("there is no port \"{}\" with an adapter", port)));
    });
    return;
  }
  PortControl& asked = *place->port;
  std::vector<Round<std::string>::Call> calls;
  calls.push_back({&asked.reactor(), [&asked, what](std::string& text, const auto& part_done) {
                     text = asked.dump(what);
                     part_done();
                   }});
  Round<std::string>::start(control_, kChangeLimit, "to show an adapter", std::move(calls),
                            [run = std::move(done)](const base::Result<void>& result, std::vector<std::string>& parts) {
                              if (!result) return run(tl::unexpected<base::Error>(result.error()));
                              run(std::move(parts[0]));
                            });
}

}  // namespace fcp
