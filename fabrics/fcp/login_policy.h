// Who may log in and what is answered to link services (FC-LS-3, FCP-4 6): decisions only, no state of ours.
#pragma once

#include "fabrics/fcp/service.h"

namespace fcp {

// What the port knows of the one who asks.
struct Asker {
  bool logged_in = false;  // N_Port login with this name and address: its PLOGI was accepted and has not ended
  bool port_online = true;
};

bool permits(const PortConfig& config, hal::fc::Wwn initiator);
hal::fc::LinkServiceAnswer decide(const hal::fc::LinkService& service, const PortConfig& config, const Asker& asker);

}  // namespace fcp
