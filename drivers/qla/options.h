// What a port is told from outside: its names, sizes and limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hal/port/fc_port.h"
#include "hal/reactor.h"

namespace qla {

struct VirtualNames {  // of a virtual port (NPIV)
  std::string name;
  hal::fc::Wwn port_name, node_name;  // node name 0: the adapter's
};

struct Options {
  std::string name = "qla0";
  hal::fc::Wwn port_name, node_name;  // 0: those of the adapter's NVRAM
  std::uint32_t exchanges = 2048;     // commands at the same time, by each queue
  std::uint32_t logins = 1024;
  std::vector<std::byte> firmware;  // an image; empty: the adapter's flash has one
  std::string dump_folder;          // where the state of an adapter that crashed is written; empty: nowhere
  // How long the link may be down before the logins end.
  base::Duration link_down_limit = std::chrono::seconds(30);
  base::Duration transfer_limit = std::chrono::seconds(30);  // for one transfer; then its exchange is terminated
  bool confirmed_completion = false;                         // ask for FCP_CONF with CHECK CONDITION where offered
  // A queue more on each, beside the adapter's own, as far as chip and interrupts go. Not of virtual ports.
  std::vector<hal::Reactor*> reactors;
  std::vector<VirtualNames> virtual_ports;
  std::uint32_t virtual_exchanges = 512;  // of each; fewer where all together would be too many
  bool initiator = false;  // PRLI offers both functions, as in dual role; the port itself logs in to nobody
  bool loop = false;       // private loop first; else point-to-point and fabric only
};

}  // namespace qla
