// Sessions at rest as values, for another process that goes on with them: an upgrade in place. Their initiators notice
// that the command window was shut for a moment, and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "fabrics/iscsi/login.h"
#include "fabrics/iscsi/parameters.h"
#include "scsi_core/handover.h"

namespace iscsi {

// Between two PDUs in both directions; no text, logout or login is going on.
struct ConnectionState {
  std::uint64_t id = 0;
  std::uint16_t cid = 0, portal_group = 0;
  std::string portal;       // as configured: whose limit it counts for
  std::string local, peer;  // addresses
  base::Fd socket;
  Parameters parameters;                  // the session's, and its own digests and lengths
  std::uint32_t stat_sn = 0;              // the next
  std::uint32_t next_tag = 0;             // target transfer tag
  std::uint32_t ping_tag = 0;             // of the NOP-In whose answer is waited for, or reserved
  std::vector<std::uint32_t> late_pings;  // ... that are unanswered, and not waited for
};

struct SessionState {
  std::uint64_t id = 0;
  std::uint16_t tsih = 0;
  std::string portal;  // as configured: whose limit it counts for
  LoginIdentity identity;
  Parameters parameters;
  std::uint32_t exp_cmd_sn = 0, max_cmd_sn = 0;
  std::uint64_t commands = 0, read_bytes = 0, write_bytes = 0;
  scsi::NexusState nexus;  // of a normal session
  std::vector<ConnectionState> connections;
};

struct FabricListener {
  std::string address;  // as configured
  base::Fd socket;
};

struct FabricState {
  std::vector<FabricListener> listeners;  // as of Fabric::listeners, while sessions go on
  std::vector<SessionState> sessions;
  std::uint64_t next_session = 1, next_connection = 1;
  std::uint16_t next_tsih = 1;
};

}  // namespace iscsi
