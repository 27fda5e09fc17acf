// One run: three hosts and an operator at one target, all of it chosen from a seed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/sim/host.h"

namespace sim {

class Scenario {
 public:
  Scenario(std::uint64_t seed, bool several_connections);
  void go();
  std::uint64_t trace() const;
  Host::Counts counts() const;

 private:
  void step(Host& host);
  void act_on_connections(Host& host);
  void operate();
  void change_units();
  void inject();
  void settle();
  void come_to_rest();

  base::SeededRandom random_;
  SessionWorld world_;
  Media media_{MediumOracle(512, 2048), MediumOracle(4096, 256)};
  Shared shared_{world_, media_, random_, false, true, 0, 0, {}, {}, {}, {}};
  std::vector<std::unique_ptr<Host>> hosts_;
  bool mapped_ = true;  // LUN 1
};

}  // namespace sim
