// SAM-5 command: a slot of the port's pool, handed to the core as a baton (port.h says who may touch it when).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/audit_ring.h"
#include "base/intrusive_list.h"
#include "hal/mailbox.h"
#include "hal/reactor.h"
#include "scsi_core/backstore.h"
#include "scsi_core/nexus.h"
#include "scsi_core/port.h"
#include "scsi_core/sense.h"
#include "scsi_core/types.h"

namespace scsi {

struct OpcodeRow;

enum class CommandState : std::uint8_t {
  kFree,     // with the port
  kWaiting,  // in the task set, not yet enabled: ORDERED, an overlapping exclusive command, a reset
  kActive,   // a handler runs or has just run
  kMemory,   // waits for buffers
  kDataIn,   // transfers out to the port
  kDataOut,
  kStore,    // with the backstore
  kHome,     // on its way to, at, or back from the logical unit's home reactor
  kDelayed,  // by `debug inject`
  kStatus,   // response handed to the port
};

enum class CommandEvent : std::uint8_t {  // audit ring; the number beside each is `detail`
  kReceived,                              // opcode
  kWaits,                                 // WaitReason
  kEnabled,
  kDataInAsked,   // bytes
  kDataOutAsked,  // bytes
  kTransferDone,  // Delivery
  kStoreAsked,    // StoreOp
  kStoreDone,     // StoreStatus
  kHomeAsked,
  kHomeDone,
  kAbortAsked,  // TaskFunction
  kCompleted,   // status << 24 | key << 16 | asc << 8 | ascq
  kDropped,
};

enum class WaitReason : std::uint8_t { kTaskSet = 1, kHome, kMemory, kInjectedDelay };

// What the initiator is told; filled by the core before send_command_complete and before a Data-In with_status.
struct Response {
  enum class Residual : std::uint8_t { kNone, kUnderflow, kOverflow };
  Status status = Status::kGood;
  Residual residual = Residual::kNone;
  std::uint8_t sense_length = 0;
  std::uint64_t residual_count = 0;
  std::array<std::byte, Sense::kMaxSize> sense;
};

class Command;
// What a handler wants to be called with next: always on the command's own reactor unless said otherwise.
using Step = void (*)(Command& command);

struct Extent {  // of logical blocks; blocks == 0 touches nothing
  std::uint64_t lba = 0;
  std::uint64_t blocks = 0;
  bool overlaps(const Extent& other) const {
    return lba < other.lba + other.blocks && other.lba < lba + blocks && blocks != 0 && other.blocks != 0;
  }
};

// A continuation that is owed from the poll loop, and a hop between reactors; one of each in every command.
struct CommandDeferred : hal::Deferred {
  explicit CommandDeferred(Command& owner) : hal::Deferred(&CommandDeferred::run), command(owner) {}
  static void run(hal::Deferred& deferred);
  Command& command;
};
struct CommandMessage : hal::Message {
  explicit CommandMessage(Command& owner) : hal::Message(nullptr), command(owner) {}
  Command& command;
};

// The core's part of a command. Ports do not look at it. Handlers read `extent`, `segments` and `store`, write `length`
// and `done`, and use `scratch`; the rest is the engine's.
struct CoreState {
  static constexpr std::size_t kMaxSegments = 8;
  explicit CoreState(Command& command) : deferred(command), message(command) {}

  CommandState state = CommandState::kFree;
  bool aborted = false;        // to be ended at the next step; handlers never see it
  bool abort_reports = false;  // ended with the status in `abort_outcome` rather than dropped
  bool pool_segments = false;  // segments came from the pool and go back to it
  bool status_sent = false;    // the transfer that is out carries the status
  bool home_failed = false;    // fail_at_home was called
  bool home_waits = false;     // at_home_async
  bool fence = false;          // holds back others in the task set (ORDERED or exclusive), or waits to
  bool granted = false;        // a fence: every older command in its way has ended
  std::uint8_t transfers_out = 0;
  std::uint8_t segment_count = 0;
  std::uint8_t wanted_pieces = 0;
  Delivery delivery = Delivery::kDelivered;
  const OpcodeRow* row = nullptr;
  LogicalUnit* lu = nullptr;
  LuShard* shard = nullptr;
  ItlNexus* itl = nullptr;
  Step next = nullptr;
  Extent extent;             // from the CDB; everything when the opcode touches the medium at places it does not tell
  std::uint64_t length = 0;  // bytes that the CDB asks for, before EXPECTED LENGTH cuts it
  std::uint64_t done = 0;    // bytes finished, for handlers that go in chunks
  std::uint64_t moved = 0;   // bytes that went over the port
  std::uint64_t wanted = 0;  // bytes of memory waited for
  std::uint64_t transfer_length = 0;  // bytes of the transfer that is out
  std::uint64_t position = 0;         // order of arrival in the task set's shard
  std::uint64_t enabled_at = 0;       // the shard's count of events when it became enabled; 0: it waits
  base::Time received_at{};
  base::Time step_at{};  // when what is owed was asked for
  Outcome outcome;       // of fail_at_home
  Outcome abort_outcome;
  StoreRequest store;
  std::array<hal::DmaSpan, kMaxSegments> segments;
  std::array<hal::DmaSpan, kMaxSegments> window;  // the part of the segments that is being moved
  alignas(8) std::array<std::byte, 96> scratch;   // a handler's own; use scratch_as<T>()
  CommandDeferred deferred;
  CommandMessage message;
  Step remote = nullptr;
  base::AuditRing<CommandEvent, 32> audit;
  hal::ProtectionTransfer protection;  // of the transfer that is out, if its port has it done
  std::array<hal::DmaSpan, 2> information;
};

struct TaskSetTag;     // in a shard's task set, or the nexus' list of commands without a logical unit
struct MemoryWaitTag;  // waiting for buffers

class Command : public base::ListHook<TaskSetTag>, public base::ListHook<MemoryWaitTag> {
 public:
  // --- filled by the port before scsi_command_received ---
  Nexus* nexus = nullptr;
  std::uint64_t tag = 0;              // unique among the nexus' commands that are alive
  std::uint64_t expected_length = 0;  // RFC 7143 Expected Data Transfer Length, FCP_DL, SRP buffer length
  Lun lun;
  TaskAttribute attribute = TaskAttribute::kSimple;
  DataDirection direction = DataDirection::kNone;
  std::uint8_t priority = 0;
  std::uint16_t cdb_length = 0;       // bytes received; at least 6, at most 260
  std::array<std::uint8_t, 260> cdb;  // zeros after cdb_length up to byte 31
  // Set before an answer kFailed: why (RFC 7143 11.4.7.2); else the initiator is told DATA PHASE ERROR.
  SenseCode transfer_failure;
  bool failed_block_known = false;  // with the three failures of protection information: its LBA
  std::uint64_t failed_block = 0;

  // --- filled by the core ---
  Response response;
  CoreState core{*this};

  Command() = default;
  std::span<const std::uint8_t> cdb_bytes() const { return {cdb.data(), cdb_length}; }
  template <class T>
  T& scratch_as() {
    static_assert(sizeof(T) <= 96 && alignof(T) <= 8 && std::is_trivially_destructible_v<T>);
    return *reinterpret_cast<T*>(core.scratch.data());
  }
};

}  // namespace scsi
