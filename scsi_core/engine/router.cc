// Dispatch of commands by LUN and opcode.
#include "scsi_core/engine/router.h"

#include "base/check.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/task_management.h"
#include "scsi_core/execution.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

// Stand in for the row of an opcode that the table has not got, so that such a command takes the same way as others:
// unit attention conditions and reservations come first (SAM-5 5.3.3).
constexpr OpcodeRow kUnknownOpcode{.name = "unknown",
                                   .enter = [](Command& c) { finish(c, Outcome::check(kInvalidCommandOperationCode)); },
                                   .flags = kStandIn};
constexpr OpcodeRow kUnknownServiceAction{.name = "unknown service action",
                                          .enter =
                                              [](Command& c) {
                                                const bool variable = c.cdb[0] == kVariableLengthCdb;
                                                finish(c,
                                                       Outcome::invalid_cdb_field(variable ? 8 : 1, variable ? 7 : 4));
                                              },
                                          .flags = kStandIn};

constexpr Extent kWholeMedium{0, ~std::uint64_t{0}};

}  // namespace

Router::Router(Fleet& fleet, std::size_t index, hal::Reactor& reactor)
    : fleet_(fleet),
      index_(index),
      reactor_(reactor),
      injector_(reactor),
      waits_without_unit_(reactor),
      watchdog_(*this),
      round_end_(reactor) {}

Router::~Router() = default;

inline void Router::begin(Command& command) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kFree || core.state == CommandState::kStatus);
  core.state = CommandState::kActive;
  core.aborted = core.abort_reports = core.pool_segments = core.status_sent = false;
  core.home_failed = core.home_waits = core.fence = core.granted = false;
  core.transfers_out = core.segment_count = 0;
  core.row = nullptr;
  core.lu = nullptr;
  core.shard = nullptr;
  core.itl = nullptr;
  core.length = core.done = core.moved = core.enabled_at = 0;
  core.extent = {};
  core.received_at = core.step_at = reactor_.now();
  core.audit.clear();
  core.audit.add(core.received_at, CommandEvent::kReceived, command.cdb[0]);
  command.transfer_failure = {};
  Nexus& nexus = *command.nexus;
  ++nexus.in_flight_;
  ++nexus.commands_received_;
}

void Router::scsi_command_received(Command& command) {
  begin(command);
  const std::uint32_t lun = command.lun.number();
  ItlNexus* itl = command.nexus->itl(lun);
  if (itl == nullptr) [[unlikely]] {
    itl = make_itl(*command.nexus, lun);
    if (itl == nullptr) return dispatch_without_unit(command);
  }
  CoreState& core = command.core;
  core.itl = itl;
  core.lu = itl->lu;
  core.shard = itl->shard;
  bool bad_service_action = false;
  const OpcodeRow* row = itl->lu->opcodes().find(command.cdb.data(), command.cdb_length, bad_service_action);
  if (row == nullptr) [[unlikely]] {
    row = bad_service_action ? &kUnknownServiceAction : &kUnknownOpcode;
  }
  core.row = row;
  if (row->extent != nullptr) {
    core.extent = row->extent(command.cdb.data());
  } else if (row->serial != Serial::kNone) {
    core.extent = kWholeMedium;
  }
  if (itl->shard->admit(command)) [[likely]]
    enter(command);
}

// SPC-5 6.6.1, 6.33, 6.39: INQUIRY, REPORT LUNS and REQUEST SENSE are answered at any LUN, and by the REPORT LUNS well
// known logical unit.
void Router::dispatch_without_unit(Command& command) {
  without_unit_.push_back(command);
  const std::uint16_t wanted = command.lun == kReportLunsWellKnown ? kWellKnown : kAnyLogicalUnit;
  const OpcodeTable* const table = fleet_.options().no_logical_unit;
  bool bad_service_action = false;
  const OpcodeRow* const row =
      table == nullptr ? nullptr : table->find(command.cdb.data(), command.cdb_length, bad_service_action);
  if (row == nullptr || (row->flags & wanted) == 0) {
    const bool opcode = wanted == kWellKnown;
    return finish(command, Outcome::check(opcode ? kInvalidCommandOperationCode : kLogicalUnitNotSupported));
  }
  command.core.row = row;
  if (refused_by_cdb(command)) return;
  row->enter(command);
}

void Router::abort_without_unit(const AbortOrder& order, AbortWaits::Quiet quiet) {
  waits_without_unit_.sweep(without_unit_, order, std::move(quiet));
}

void Router::leave_without_unit(Command& command, bool completed) {
  static_cast<base::ListHook<TaskSetTag>&>(command).unlink();
  waits_without_unit_.ended(command, completed);
}

void Router::answer_function(Nexus& nexus, TaskManagement& function, TmfResponse response) {
  ++nexus.in_flight_;
  reactor_.post_function([this, &nexus, &function, response] {
    nexus.port.task_management_function_executed(function, response);
    --nexus.in_flight_;
    quiet_if_over(nexus);
  });
}

}  // namespace scsi
