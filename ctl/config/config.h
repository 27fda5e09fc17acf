// The configuration: everything that an operator decides, as one value. It is parsed from TOML, compared, applied whole
// and stored; nothing in it refers to a running object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/config/secret.h"
#include "fabrics/fcp/service.h"
#include "fabrics/iscsi/service.h"
#include "scsi_core/core.h"

namespace ctl {

enum class StoreKind : std::uint8_t { kRam, kFile, kBlock, kNull };

struct StoreSpec {  // the medium of a logical unit
  StoreKind kind = StoreKind::kRam;
  std::string path;                  // file, block: absolute
  std::uint64_t size = 0;            // bytes; block: 0 is the whole device
  std::uint32_t block_size = 512;    // logical block, bytes
  bool thin = true;                  // false: all of it is allocated at once
  std::uint64_t memory_limit = 0;    // ram: bytes that may be in use at a time; 0: no limit of its own
  std::string protection_path = {};  // file, block: where protection information is; empty: beside a file
  bool operator==(const StoreSpec&) const = default;
};

struct LogicalUnit {
  scsi::LuConfig unit;
  StoreSpec store;
  bool operator==(const LogicalUnit&) const = default;
};

struct User {  // one CHAP identity, used by targets and by discovery
  std::string name;
  std::string mutual_user;  // what the target calls itself in mutual authentication; empty: one-way
  Secret secret, mutual_secret;
  bool operator==(const User&) const = default;
};

struct Access {  // who may log in to a target, or to discovery
  bool chap = false;
  bool radius = false;             // with chap: responses are judged by RADIUS servers
  std::vector<std::string> users;  // names of User
  std::vector<iscsi::ChapAlgorithm> algorithms = iscsi::Authentication().algorithms;
  bool operator==(const Access&) const = default;
};

struct Target {
  std::string name, alias;
  std::vector<std::uint16_t> portal_groups = {1};
  std::vector<std::uint16_t> relative_port_ids = {};  // of the port in each portal group; empty: to be drawn
  Access access;
  std::vector<std::string> initiators;                // patterns; empty: everybody
  std::vector<std::string> initiator_addresses = {};  // subnets; empty: from everywhere
  std::uint16_t command_window = 128;
  std::uint16_t max_connections = 1;  // per session
  std::uint32_t max_sessions = 0;     // 0: no limit of its own, as for those below
  std::uint32_t max_logins_per_second = 0;
  std::uint32_t max_commands = 0;  // in flight, of all sessions
  iscsi::Redirection redirection = {};
  bool report_changes = true;  // Async Message when initiators see other logical units than before
  std::uint8_t error_recovery_level = 0;
  iscsi::TargetKeys keys = {};
  bool operator==(const Target&) const = default;
};

struct FcPort {              // a port of a Fibre Channel adapter, in target mode
  std::string name;          // what views and target groups call the target
  std::string device;        // "0000:3b:00.0", or "unix:/run/outboard/hba0": a model behind a vfio-user socket
  std::string parent;        // NPIV: the name of the fc_port on whose link this one is, instead of a device
  std::string wwpn, wwnn;    // "50:01:43:80:00:00:00:01"; empty: the adapter's own
  bool loop = false;         // a private loop, if there is one; else, and by default, a fabric or another N_Port
  std::uint16_t queues = 0;  // pairs of rings, each on a data reactor; 0: as many as there are and the chip offers
  bool enabled = true;       // false: off the link, and the device is not touched
  bool confirmed_completion = false;    // ask for FCP_CONF with CHECK CONDITION, and say so in PRLI
  bool dual_role = false;               // PRLI offers the initiator function, too
  bool report_changes = true;           // RSCN when initiators see other logical units than before
  std::vector<std::string> initiators;  // WWPNs that may log in, with * and ?; empty: everybody
  std::uint16_t relative_port_id = 0;   // 0: to be drawn
  bool operator==(const FcPort&) const = default;
};

struct Metrics {         // the page for Prometheus
  std::string listen;    // "127.0.0.1:9480"; empty: there is none
  bool sessions = true;  // with series for each session
  bool operator==(const Metrics&) const = default;
};

struct Config {
  std::vector<LogicalUnit> logical_units;
  std::vector<iscsi::Portal> portals;
  std::vector<Target> targets;
  std::vector<FcPort> fc_ports;
  scsi::ViewTable mapping;  // views, host groups, target groups
  std::vector<User> users;
  Access discovery;
  iscsi::Listing listing;  // of discovery
  iscsi::Limits limits;
  Metrics metrics;
  iscsi::RadiusServers radius;
  std::vector<iscsi::IsnsServer> isns;
  bool operator==(const Config&) const = default;

  LogicalUnit* find_lu(const std::string& name);
  Target* find_target(const std::string& name);
  User* find_user(const std::string& name);
  FcPort* find_fc_port(const std::string& name);
};

// What the iSCSI fabric is given.
iscsi::FabricConfig fabric_config(const Config& config);
// What the Fibre Channel fabric is given.
fcp::FabricConfig fcp_config(const std::vector<FcPort>& ports);

const char* store_kind_name(StoreKind kind);                        // "ram"
base::Result<StoreKind> parse_store_kind(const std::string& name);  //
const char* authentication_key(const Access& access);               // "none", "chap", "radius"
base::Result<void> parse_authentication(const std::string& name, Access& access);
const char* algorithm_key(iscsi::ChapAlgorithm algorithm);  // "sha3-256"
base::Result<iscsi::ChapAlgorithm> parse_chap_algorithm(const std::string& name);
std::string format_naa(const scsi::LuConfig& unit);  // 32 hexadecimal digits
base::Result<void> parse_naa(const std::string& text, scsi::LuConfig& unit);

}  // namespace ctl
