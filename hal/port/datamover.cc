// Names for log lines and status.
#include "hal/port/datamover.h"

namespace hal {
const char* close_reason_name(CloseReason reason) {
  switch (reason) {
    case CloseReason::kPeerClosed:
      return "closed by the peer";
    case CloseReason::kTransportError:
      return "transport error";
    case CloseReason::kHeaderDigest:
      return "header digest error";
    case CloseReason::kProtocolError:
      return "protocol error";
    case CloseReason::kAsked:
      return "closed here";
    case CloseReason::kDataLost:
      return "write data did not come";
  }
  return "unknown";
}
}  // namespace hal
