// Everything that goes from one outboardd to the next, and its JSON.
#pragma once

#include <cstdint>
#include <vector>

#include "ctl/rpc/json.h"
#include "fabrics/iscsi/handover.h"
#include "scsi_core/handover.h"

namespace ctl {

// The number of the form below and of the messages around it. A daemon of another number is not upgraded in place.
inline constexpr std::uint64_t kHandoverProtocol = 2;

struct HandoverState {
  std::vector<scsi::UnitState> units;
  iscsi::FabricState fabric;
};

// Descriptors leave the state; the JSON has their places in `descriptors`.
Json state_to_json(HandoverState& state, std::vector<base::Fd>& descriptors);
// What is missing, of the wrong type or out of range is an error; what is not known is passed over.
base::Result<HandoverState> state_from_json(const Json& json, std::vector<base::Fd>& descriptors);

}  // namespace ctl
