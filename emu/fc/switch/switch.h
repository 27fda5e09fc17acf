// A Fibre Channel switch: F_Ports, routing between them, and the services at well-known addresses.
//
// One thread; driven by poll(). Addresses: domain of the switch, area = number of the F_Port, 00 for the port that
// logged in by FLOGI, 01 and up for those by FDISC.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "emu/fc/services.h"
#include "emu/fc/switch/name_server.h"
#include "emu/fc/switch/zoning.h"
#include "emu/wire.h"
#include "hal/port/fc_els.h"
#include "hal/port/fc_port.h"

namespace emu::fc {

struct SwitchOptions {
  hal::fc::Wwn name{0x1000006900000001};  // of the fabric; F_Ports' names follow from it
  std::uint8_t domain = 1;
  std::uint32_t gigabits = 8;
  base::Duration resource_allocation = std::chrono::seconds(10);  // R_A_TOV
  base::Duration error_detect = std::chrono::seconds(2);          // E_D_TOV
  base::Duration hold = std::chrono::milliseconds(500);  // how long a frame waits for credit, before it is lost
  unsigned most_nodes = 126;                             // N_Port_IDs for each F_Port
};

struct SwitchPortInfo {  // for people
  unsigned number = 0;
  bool enabled = true, light = false;
  std::vector<hal::fc::RemotePort> nodes;
  std::uint64_t frames_in = 0, frames_lost = 0;
  std::uint64_t rscns_sent = 0, rscns_received = 0, rscns_refused = 0;
};

class Switch {
 public:
  explicit Switch(const SwitchOptions& options);
  ~Switch();
  unsigned add_port(Wire& wire);  // number, 0..; lights it
  bool poll(base::Time now);
  void enable_port(unsigned number, bool on);
  void set_zones(std::vector<Zone> zones);  // none: no zoning. Announced by RSCN
  const std::vector<Zone>& zones() const { return zoning_.zones(); }
  const NameServer& name_server() const { return name_server_; }
  std::vector<SwitchPortInfo> ports() const;

 private:
  struct Node {  // a port that has an address
    std::uint32_t id = 0;
    hal::fc::Wwn port_name, node_name;
    std::set<std::uint32_t> logged_in;  // to well-known addresses
    bool scr = false;
    bool rscn_out = false;
    unsigned rscn_tries = 0;
    std::vector<hal::fc::RscnPage> pages, announced;  // still to be announced; in the RSCN that is out
  };
  class FPort;

  void route(FPort& from);
  bool deliver(FPort& from, const hal::fc::FrameHeader& header, std::span<const std::byte> frame);
  void announce(std::uint32_t id, hal::fc::Wwn subject);
  void announce_page(const hal::fc::RscnPage& page, const Node* but, std::optional<hal::fc::Wwn> subject);
  Node* find(std::uint32_t id);
  FPort* port_of(std::uint32_t id);
  bool name_taken(hal::fc::Wwn name, const FPort& by) const;
  hal::fc::Wwn fport_name(unsigned number) const;

  SwitchOptions options_;
  Zoning zoning_;
  NameServer name_server_;
  std::vector<std::unique_ptr<FPort>> ports_;
  base::Time now_{}, next_expiry_{};
};

}  // namespace emu::fc
