// Questions to all ports and lanes, and their answers put together.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "fabrics/fcp/fabric_control.h"

namespace fcp {
namespace {

template <class Item>
std::vector<Item> joined(const base::Result<void>& result, std::vector<std::vector<Item>>& lists) {
  std::vector<Item> all;
  for (std::vector<Item>& list : lists) {
    if (result) std::move(list.begin(), list.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

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
