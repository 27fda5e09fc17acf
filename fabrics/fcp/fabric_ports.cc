// Adapters' ports that come and go.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "fabrics/fcp/fabric_control.h"

namespace fcp {

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
  const auto is_off = [this, &port, gone, place](const base::Result<void>& result, std::vector<char>& parts) {
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

}  // namespace fcp
