// What lately happened at a Fibre Channel port, for `tgtctl debug events`.
#pragma once

#include <cstdint>

#include "base/event_ring.h"
#include "base/log.h"

namespace fcp {

inline constexpr base::Logger kLog{"fcp"};

enum class PortEvent : std::uint8_t {  // the number beside each is `detail`
  kLinkUp,                             // N_Port_ID
  kLinkDown,                           // -
  kAdapterFailed,                      // 1: it is being brought up again
  kLoginRefused,                       // kind << 16 | reason << 8 | explanation
  kLoggedIn,                           // session
  kLoginEnded,                         // session
  kLogoutAsked,                        // by us: session
  kRegistered,                         // tries it took
  kRegistrationFailed,                 // command of the name server
  kStateChanged,                       // affected address (RSCN page)
  kStateReported,                      // by us: our address
  kStateReportFailed,                  // likewise
  kAbort,                              // OX_ID
  kManagement,                         // flags << 8 | FCP_RSP code
  kInvalidCommand,                     // OX_ID
};

constexpr const char* name(PortEvent event) {
  switch (event) {
    case PortEvent::kLinkUp:
      return "link up";
    case PortEvent::kLinkDown:
      return "link down";
    case PortEvent::kAdapterFailed:
      return "adapter failed";
    case PortEvent::kLoginRefused:
      return "login refused";
    case PortEvent::kLoggedIn:
      return "logged in";
    case PortEvent::kLoginEnded:
      return "login ended";
    case PortEvent::kLogoutAsked:
      return "asked to log out";
    case PortEvent::kRegistered:
      return "registered";
    case PortEvent::kRegistrationFailed:
      return "registration failed";
    case PortEvent::kStateChanged:
      return "state changed";
    case PortEvent::kStateReported:
      return "state change reported";
    case PortEvent::kStateReportFailed:
      return "state change not reported";
    case PortEvent::kAbort:
      return "abort";
    case PortEvent::kManagement:
      return "task management";
    case PortEvent::kInvalidCommand:
      return "invalid command";
  }
  return "?";
}

using PortEvents = base::EventRing<PortEvent, 256>;

}  // namespace fcp
