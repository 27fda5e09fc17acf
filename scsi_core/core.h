// The SCSI core as the control plane sees it: logical units, views, what is in flight, fault injection.
//
// Threads: every member is called on the control reactor, except router(). Changes are carried to the data reactors by
// messages; `done` is called later, on the control reactor, once every reactor has taken the change. Nothing waits
// for ever: a change that some reactor does not take within its limit is reported as Errc::kTimeout.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hal/reactor.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/port.h"
#include "scsi_core/statistics.h"

namespace hal {
class Worker;
}

namespace scsi {

using Done = std::function<void(base::Result<void>)>;

// COMSTAR's view: which host sees which logical unit through which target, under which number.
struct View {
  std::string lu;
  std::string host_group;    // empty: every initiator
  std::string target_group;  // empty: every target; else the name of a target group, or of one target
  std::uint32_t lun = 0;
  bool read_only = false;
  bool operator==(const View&) const = default;
};
struct HostGroup {
  std::string name;
  std::vector<std::string> initiators;  // iSCSI names or WWPNs, `*` and `?` as wildcards; case-insensitive
  bool operator==(const HostGroup&) const = default;
};
struct TargetGroup {
  std::string name;
  std::vector<std::string> targets;  // target node names
  bool operator==(const TargetGroup&) const = default;
};
// Everything that decides LUN maps; a value. Two views that give one host two logical units at the same LUN of one
// target are refused by validate().
struct ViewTable {
  std::vector<View> views;
  std::vector<HostGroup> host_groups;
  std::vector<TargetGroup> target_groups;
  bool operator==(const ViewTable&) const = default;
  base::Result<void> validate() const;
};

struct CommandInfo {  // one line of `tgtctl command list`
  std::string lu, initiator, target, state, opcode_name;
  std::uint8_t opcode = 0;
  std::uint64_t tag = 0, lba = 0, blocks = 0;
  base::Duration age{};
  struct Event {
    base::Duration age;
    std::string what;
    std::uint32_t detail;
  };
  std::vector<Event> audit;
};
struct LuInfo {
  LuConfig config;
  StoreGeometry geometry;
  std::string backstore, state;  // "online", "stopped", "no medium", "offline", ...
  Statistics statistics;
};
struct NexusInfo {
  std::string initiator, target_port;
  std::uint64_t commands = 0, in_flight = 0;
  std::vector<std::pair<std::uint32_t, std::string>> luns;
};

struct InjectRule {  // `tgtctl debug inject`
  enum class Kind : std::uint8_t { kDelay, kMediumError, kAbort, kUnitAttention };
  std::uint32_t id = 0;  // given by inject()
  Kind kind = Kind::kDelay;
  std::string lu;
  std::uint64_t first_lba = 0, last_lba = ~std::uint64_t{0};  // medium access commands that touch the range
  bool any_command = false;                                   // also commands that access no medium
  int opcode = -1;                                            // only this opcode
  std::uint32_t count = 0;                                    // how many times; 0: until removed
  std::uint32_t left = 0;                                     // of count, as listed
  base::Duration delay{};
  SenseCode sense;  // for kUnitAttention
};

class MetadataStore;
struct UnitState;

struct CoreOptions {
  base::Duration command_limit = std::chrono::seconds(60);          // older commands take their logical unit offline
  base::Duration task_management_limit = std::chrono::seconds(30);  // then FUNCTION REJECTED
  base::Duration change_limit = std::chrono::seconds(10);  // for a reactor to take a change of the configuration
  MetadataStore* metadata = nullptr;  // saved mode pages and reservations; null: keep nothing. Outlives the core
  hal::Worker* worker = nullptr;      // for calls that block; null: they block the control reactor
  const OpcodeTable* no_logical_unit = &no_logical_unit_opcodes();  // what answers where there is no logical unit
};

class Core {
 public:
  // `data` reactors carry nexuses; `control` may be one of them (tests) or another.
  Core(hal::Reactor& control, std::vector<hal::Reactor*> data, CoreOptions options);
  ~Core();

  TaskRouter& router(std::size_t reactor_index);  // any thread
  std::size_t reactors() const;

  void add_disk(LuConfig config, std::unique_ptr<Backstore> store, Done done);  // defined with the disk
  void add(LuConfig config, std::unique_ptr<Backstore> store, std::unique_ptr<DeviceServer> server, Done done);
  void remove_lu(const std::string& name, Done done);  // ends its commands, then the views that name it see 3F/0E
  void resize_lu(const std::string& name, std::uint64_t blocks, Done done);  // 2A/09 to every nexus
  void modify_lu(const std::string& name, LuConfig config, Done done);       // write_protected only; others are refused
  // Upgrade in place (handover.h): all logical units; an error: some unit cannot be handed over. In the other process,
  // once they have been added with their media opened from such a state, the last state of each; nobody uses them yet.
  void hand_over(std::function<void(base::Result<std::vector<UnitState>>)> done);
  void take_over(std::vector<UnitState> units, Done done);
  // All target ports there are, whether an initiator is logged in or not: what ALL_TG_PT registers for.
  void set_target_ports(std::vector<TargetPortIdentity> ports, Done done);
  void set_views(ViewTable table, Done done);  // live: 3F/0E where a map changed
  void inject(InjectRule rule, std::function<void(base::Result<std::uint32_t>)> done);
  void remove_inject(std::uint32_t id, Done done);

  void list_lus(std::function<void(std::vector<LuInfo>)> done);
  void list_commands(std::function<void(std::vector<CommandInfo>)> done);
  // Of every target port there is, by name; of logical units: list_lus.
  void list_ports(std::function<void(std::vector<NamedStatistics>)> done);
  void list_nexuses(std::function<void(std::vector<NexusInfo>)> done);
  void list_injects(std::function<void(std::vector<InjectRule>)> done);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace scsi
