// ABTS received in the target's role: told to the host (54), answered by it (55).
#pragma once

#include <vector>

#include "emu/qla/core.h"
#include "emu/qla/target.h"

namespace emu::qla {

class Aborts {
 public:
  Aborts(Core& core, Target& target) : core_(core), target_(target) {}
  void reset() { held_.clear(); }
  void received(const fc::ReceivedAbort& abort);
  void answered(const Request& request);

 private:
  struct Held {
    std::uint32_t id;
    fc::ExchangeId exchange;
    hal::fc::FrameHeader header;
  };
  bool check(const wire::AbtsResponse& response, const Held& held);
  Core& core_;
  Target& target_;
  std::vector<Held> held_;
};

}  // namespace emu::qla
