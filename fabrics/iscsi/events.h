// What lately happened on the iSCSI ports of one reactor, for `tgtctl debug events`.
#pragma once

#include <cstdint>

#include "base/event_ring.h"

namespace iscsi {

enum class PortEvent : std::uint8_t {  // the number beside each is `detail`
  kConnected,                          // portal group
  kLoggedIn,                           // session
  kLoginRefused,                       // status class and detail
  kRedirected,                         // likewise
  kProtocolError,                      // -
  kRejected,                           // reason
  kManagement,                         // function << 8 | response
  kLogoutRequested,                    // by the initiator: reason
  kLogoutAsked,                        // by us: grace in seconds
  kNegotiationAsked,                   // by us: limit in seconds
  kChangeReported,                     // session
  kDropReported,                       // CID
  kSessionDropReported,                // session
  kSessionEnded,                       // session
  kConnectionOver,                     // -
};
constexpr const char* name(PortEvent event) {
  switch (event) {
    case PortEvent::kConnected:
      return "connected";
    case PortEvent::kLoggedIn:
      return "logged in";
    case PortEvent::kLoginRefused:
      return "login refused";
    case PortEvent::kRedirected:
      return "redirected";
    case PortEvent::kProtocolError:
      return "protocol error";
    case PortEvent::kRejected:
      return "PDU rejected";
    case PortEvent::kManagement:
      return "task management";
    case PortEvent::kLogoutRequested:
      return "logout";
    case PortEvent::kLogoutAsked:
      return "asked to log out";
    case PortEvent::kNegotiationAsked:
      return "asked to negotiate";
    case PortEvent::kChangeReported:
      return "told that logical units changed";
    case PortEvent::kDropReported:
      return "told that a connection is dropped";
    case PortEvent::kSessionDropReported:
      return "told that the session is dropped";
    case PortEvent::kSessionEnded:
      return "session ended";
    case PortEvent::kConnectionOver:
      return "connection over";
  }
  return "?";
}

using PortEvents = base::EventRing<PortEvent, 256>;

}  // namespace iscsi
