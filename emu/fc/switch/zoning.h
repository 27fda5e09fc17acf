// Zones: which ports of a fabric see each other, by port name.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "hal/port/fc_port.h"

namespace emu::fc {

struct Zone {
  std::string name;
  std::vector<hal::fc::Wwn> members;
};

class Zoning {
 public:
  void set(std::vector<Zone> zones) { zones_ = std::move(zones); }
  const std::vector<Zone>& zones() const { return zones_; }
  bool off() const { return zones_.empty(); }  // everybody sees everybody
  bool visible(hal::fc::Wwn a, hal::fc::Wwn b) const {
    const auto has = [](const Zone& zone, hal::fc::Wwn name) {
      return std::find(zone.members.begin(), zone.members.end(), name) != zone.members.end();
    };
    return off() || a == b ||
           std::any_of(zones_.begin(), zones_.end(), [&](const Zone& z) { return has(z, a) && has(z, b); });
  }

 private:
  std::vector<Zone> zones_;
};

}  // namespace emu::fc
