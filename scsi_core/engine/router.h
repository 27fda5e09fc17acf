// The SCSI task router of one reactor: nexuses, dispatch by LUN and opcode, the checks before a command may run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "scsi_core/command.h"
#include "scsi_core/engine/fleet.h"
#include "scsi_core/engine/inject.h"
#include "scsi_core/engine/memory_queue.h"
#include "scsi_core/engine/round_end.h"
#include "scsi_core/engine/task_set.h"
#include "scsi_core/engine/views.h"
#include "scsi_core/engine/watchdog.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/nexus.h"

namespace scsi {

class TaskFunctionJob;
struct Reach;

class Router final : public TaskRouter {
 public:
  Router(Fleet& fleet, std::size_t index, hal::Reactor& reactor);
  ~Router() override;

  // --- TaskRouter ---
  Nexus& nexus_established(TargetPort& port, const TransportId& initiator, void* context) override;
  void nexus_lost(Nexus& nexus) override;
  void nexus_handed_over(const Nexus& nexus, NexusState& out) override;
  void nexus_taken_over(Nexus& nexus, const NexusState& state) override;
  void scsi_command_received(Command& command) override;
  void data_in_delivered(Command& command, Delivery delivery) override { transfer_answered(command, delivery); }
  void data_out_received(Command& command, Delivery delivery) override { transfer_answered(command, delivery); }
  void task_management_request_received(TaskManagement& function) override;

  // --- for the engine, on this reactor ---
  hal::Reactor& reactor() { return reactor_; }
  Fleet& fleet() { return fleet_; }
  std::size_t index() const { return index_; }
  // The command's turn has come: the checks, then its handler.
  void enter(Command& command) {
    if (!plain(command) && refused(command)) [[unlikely]]
      return;
    command.core.row->enter(command);
  }
  // A command's slot is about to go back to the port.
  void gone(Command& command) {
    Nexus& nexus = *command.nexus;
    --nexus.in_flight_;
    if (nexus.lost_) [[unlikely]]
      quiet_if_over(nexus);
  }
  void gone_from(ItlNexus& itl);
  MemoryQueue& memory(hal::DmaPool& pool);
  Injector& injector() { return injector_; }
  base::IntrusiveList<Nexus>& nexuses() { return nexuses_; }
  NexusInfo info_of(const Nexus& nexus) const;
  RoundEnd& round_end() { return round_end_; }
  // Since the start, by the target port's shown name.
  std::map<std::string, Statistics> port_statistics();
  base::IntrusiveList<LuShard>& shards() { return shards_; }
  // Commands that found no logical unit at their LUN.
  base::IntrusiveList<Command, TaskSetTag>& without_unit() { return without_unit_; }
  void abort_without_unit(const AbortOrder& order, AbortWaits::Quiet quiet);
  void leave_without_unit(Command& command, bool completed);
  void for_each_itl(Nexus& nexus, const std::function<void(ItlNexus&)>& fn);
  // Hands a task management request back to its port, by message.
  void answer_function(Nexus& nexus, TaskManagement& function, TmfResponse response);
  void end_nexus(Nexus& nexus);  // its port does not answer; asked once
  // The target ports that show a logical unit, and this router's I_T nexuses that see it; added to `reach`.
  void add_reach(const LogicalUnit& lu, Reach& reach);
  // New views: recompiles the LUN map of every nexus; REPORTED LUNS DATA HAS CHANGED where one differs.
  void set_views(const ViewSnapshot* views);

 private:
  void begin(Command& command);
  static bool plain(const Command& command);
  void dispatch_without_unit(Command& command);
  bool refused(Command& command);
  ItlNexus* make_itl(Nexus& nexus, std::uint32_t lun);
  void transfer_answered(Command& command, Delivery delivery);
  LunMap& map_for(const Nexus& nexus);
  void leave_map(Nexus& nexus);
  void retire(Nexus& nexus, ItlNexus& itl);
  void forget(ItlNexus& itl);
  void quiet_if_over(Nexus& nexus);
  void abandon_functions(Nexus& nexus);

  Fleet& fleet_;
  const std::size_t index_;
  hal::Reactor& reactor_;
  const ViewSnapshot* views_ = nullptr;
  std::map<std::string, std::unique_ptr<LunMap>> maps_;  // by ViewSnapshot::key_of
  std::vector<std::unique_ptr<LunMap>> old_maps_;        // of earlier views, while nexuses move on
  base::IntrusiveList<Nexus> nexuses_;
  base::IntrusiveList<LuShard> shards_;
  base::IntrusiveList<Command, TaskSetTag> without_unit_;
  std::vector<std::unique_ptr<MemoryQueue>> memory_;
  Injector injector_;
  AbortWaits waits_without_unit_;
  base::IntrusiveList<TaskFunctionJob> functions_;
  Watchdog watchdog_;
  RoundEnd round_end_;
  std::map<std::string, Statistics> ended_;  // of nexuses that are gone, by port
};

// Direction, attribute, CDB length and reserved bits; true when the command has been ended.
bool refused_by_cdb(Command& command);

// The router that a command came by.
inline Router& router_of(const Command& command) { return command.nexus->router; }

// Flags of a logical unit that may stop a command.
inline constexpr std::uint32_t kStops = kLuWriteProtected | kLuSoftwareWriteProtected | kLuStopped | kLuEjected |
                                        kLuRemoving | kLuFailed | kLuMetadataUnreadable | kLuInjecting;

// Nothing about the command, its I_T_L nexus or its logical unit needs a closer look: it may run.
inline bool Router::plain(const Command& command) {
  const CoreState& core = command.core;
  const ItlNexus& itl = *core.itl;
  const OpcodeRow& row = *core.row;
  return itl.attentions.empty() && itl.denials == 0 && !itl.read_only &&
         (core.lu->flags.load(std::memory_order_relaxed) & kStops) == 0 &&
         command.direction != DataDirection::kBidirectional && command.attribute != TaskAttribute::kAca &&
         command.cdb_length >= row.length && (row.flags & kStandIn) == 0 && row.allows(command.cdb.data());
}

}  // namespace scsi
