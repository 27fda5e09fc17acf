// SAM-5 command: a slot of the port's pool, handed to the core as a baton (port.h says who may touch it when).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/audit_ring.h"
#include "base/intrusive_list.h"
#include "hal/mailbox.h"
#include "hal/reactor.h"
#include "scsi_core/backstore.h"
#include "scsi_core/port.h"
#include "scsi_core/sense.h"
#include "scsi_core/types.h"

namespace scsi {

class LogicalUnit;
class LuShard;
struct ItlNexus;
struct OpcodeRow;

enum class CommandState : std::uint8_t {
  kFree,     // with the port
  kWaiting,  // in the task set, not yet enabled: ORDERED, an overlapping exclusive command, a full pool
  kActive,   // a handler runs or has just run
  kDataIn,   // transfers out to the port
  kDataOut,
  kStore,    // with the backstore
  kHome,     // on its way to, at, or back from the logical unit's home reactor
  kDelayed,  // by `debug inject`
  kStatus,   // response handed to the port
};

enum class CommandEvent : std::uint8_t {  // audit ring; the number beside each is `detail`
  kReceived,                              // opcode
  kWaits,                                 // reason: 1 ordered, 2 overlap, 3 memory, 4 injected delay
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

// The core's part of a command. Ports do not look at it.
struct CoreState {
  static constexpr std::size_t kMaxSegments = 8;
  CommandState state = CommandState::kFree;
  bool aborted = false;        // to be ended at the next step; handlers never see it
  bool abort_reports = false;  // ended with TASK ABORTED status rather than dropped
  bool pool_segments = false;  // segments came from the pool and go back to it
  bool status_sent = false;    // the transfer that is out carries the status
  std::uint8_t transfers_out = 0;
  std::uint8_t segment_count = 0;
  Delivery delivery = Delivery::kDelivered;
  const OpcodeRow* row = nullptr;
  LogicalUnit* lu = nullptr;
  LuShard* shard = nullptr;
  ItlNexus* itl = nullptr;
  Step next = nullptr;
  std::uint64_t length = 0;  // bytes that the CDB asks for, before EXPECTED LENGTH cuts it
  std::uint64_t done = 0;    // bytes finished, for handlers that go in chunks
  Extent extent;
  base::Time received_at{};
  Outcome outcome;
  StoreRequest store;
  std::array<hal::DmaSpan, kMaxSegments> segments;
  alignas(8) std::array<std::byte, 96> scratch;  // a handler's own; cast with scratch_as<T>()
  hal::Message message{nullptr};                 // for hops between reactors
  hal::Deferred deferred{nullptr};
  Step remote = nullptr;
  base::AuditRing<CommandEvent, 32> audit;
};

struct TaskSetTag;

class Command : public base::ListHook<TaskSetTag>, public hal::DmaPool::Waiter {
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

  // --- filled by the core ---
  Response response;
  CoreState core;

  std::span<const std::uint8_t> cdb_bytes() const { return {cdb.data(), cdb_length}; }
  template <class T>
  T& scratch_as() {
    static_assert(sizeof(T) <= sizeof(core.scratch) && std::is_trivially_destructible_v<T>);
    return *reinterpret_cast<T*>(core.scratch.data());
  }
  void dma_available() override;  // Waiter: memory came back
};

}  // namespace scsi
