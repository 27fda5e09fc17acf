// Steps of a handler that talk to the port and to the backstore.
#include "scsi_core/execution.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/transfer.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("core");

struct StorePlace {
  std::uint64_t offset, length, segments_at;
};

// `length` bytes of the segments from byte `at` on. Usually all of them: then nothing is copied.
std::span<const hal::DmaSpan> cut_window(CoreState& core, std::uint64_t at, std::uint64_t length) {
  const auto cut = cut_segments(core, at, length, core.window);
  const bool whole = at == 0 && (cut.empty() || cut.back().bytes.size() == core.segments[cut.size() - 1].bytes.size());
  return whole ? std::span<const hal::DmaSpan>(core.segments.data(), cut.size()) : cut;
}

std::span<const hal::DmaSpan> window(CoreState& core, std::uint64_t at, std::uint64_t length) {
  const bool one = core.segment_count == 1 && at == 0 && length == core.segments[0].bytes.size();
  if (one) [[likely]] {
    return {core.segments.data(), 1};
  }
  return cut_window(core, at, length);
}

std::uint64_t cut(const Command& command, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t limit = transferable(command);
  return offset >= limit ? 0 : std::min(length, limit - offset);
}

inline Transfer begin_transfer(Command& command, CommandState state, CommandEvent event, std::uint64_t offset,
                               std::uint64_t length, std::uint64_t at) {
  enter_transfer(command, state, event, length);
  return {window(command.core, at, length), offset, length, command.core.status_sent, nullptr};
}

inline void data_in(Command& command, std::uint64_t offset, std::uint64_t length, std::uint64_t at) {
  command.nexus->port.send_data_in(
      command, begin_transfer(command, CommandState::kDataIn, CommandEvent::kDataInAsked, offset, length, at));
}

void store_done(StoreRequest& request) {
  Command& command = *static_cast<Command*>(request.context);
  note(command, CommandEvent::kStoreDone, static_cast<std::uint64_t>(request.status));
  resume(command);
}

void medium_lost(Command& command) {
  LogicalUnit& lu = *command.core.lu;
  if ((lu.flags.fetch_or(kLuFailed, std::memory_order_relaxed) & kLuFailed) == 0) {
    kLog.error("{}: offline, its medium is gone: {}", lu.config().name, lu.backstore().describe());
  }
}

}  // namespace

void finish(Command& command, const Outcome& outcome) {
  CHECK(command.core.state == CommandState::kActive);
  complete(command, outcome);
}

void send_last(Command& command, std::uint64_t offset, std::uint64_t length, std::uint64_t segments_at) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive);
  const std::uint64_t bytes = cut(command, offset, length);
  if (bytes == 0) {
    complete(command, Outcome::good());
    return;
  }
  respond_good(command);
  core.status_sent = true;
  data_in(command, offset, bytes, segments_at);
}

void send(Command& command, std::uint64_t offset, std::uint64_t length, Step then, std::uint64_t segments_at) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive);
  core.next = then;
  const std::uint64_t bytes = cut(command, offset, length);
  if (bytes == 0) {
    continue_later(command, then);
    return;
  }
  data_in(command, offset, bytes, segments_at);
}

void receive(Command& command, std::uint64_t offset, std::uint64_t length, Step then, std::uint64_t segments_at) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive);
  core.next = then;
  const std::uint64_t bytes = cut(command, offset, length);
  if (bytes == 0) {
    continue_later(command, then);
    return;
  }
  command.nexus->port.receive_data_out(
      command,
      begin_transfer(command, CommandState::kDataOut, CommandEvent::kDataOutAsked, offset, bytes, segments_at));
}

namespace {

// Bytes of protection information that failed are told as the data that they belong to.
void protection_done(StoreRequest& request) {
  const Command& command = *static_cast<Command*>(request.context);
  if (request.status == StoreStatus::kMediumError) {
    request.bad_offset = request.bad_offset / kProtectionBytes << command.core.lu->block_shift();
  }
  store_done(request);
}

inline void ask(Command& command, const base::Result<StoreChannel*>& channel, StoreOp op, const StorePlace& place,
                bool fua, Step then, StoreDone done) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive);
  if (!channel.has_value()) {
    complete(command, Outcome::check(kLogicalUnitFailure));
    return;
  }
  core.next = then;
  core.state = CommandState::kStore;
  StoreRequest& request = core.store;
  request.op = op;
  request.fua = fua;
  request.offset = place.offset;
  request.length = place.length;
  request.segments = {};
  if (op == StoreOp::kRead || op == StoreOp::kWrite) {
    request.segments = window(core, place.segments_at, place.length);
  }
  request.done = done;
  request.context = &command;
  request.status = StoreStatus::kGood;
  note(command, CommandEvent::kStoreAsked, static_cast<std::uint64_t>(op));
  (*channel)->submit(request);
}

}  // namespace

void store(Command& command, StoreOp op, std::uint64_t byte_offset, std::uint64_t length, bool fua, Step then,
           std::uint64_t segments_at) {
  ask(command, command.core.shard->channel(), op, {byte_offset, length, segments_at}, fua, then, &store_done);
}

void store_protection(Command& command, StoreOp op, const Extent& extent, bool fua, Step then,
                      std::uint64_t segments_at) {
  ask(command, command.core.shard->protection_channel(), op,
      {extent.lba * kProtectionBytes, extent.blocks * kProtectionBytes, segments_at}, fua, then, &protection_done);
}

bool store_ok(Command& command) {
  const StoreRequest& request = command.core.store;
  switch (request.status) {
    case StoreStatus::kGood:
      return true;
    case StoreStatus::kMediumError: {
      const SenseCode code = request.op == StoreOp::kRead ? kUnrecoveredReadError : kWriteError;
      finish(command, Outcome::check(code, request.bad_offset >> command.core.lu->block_shift()));
      return false;
    }
    case StoreStatus::kNoSpace:
      finish(command, Outcome::check(kSpaceAllocationFailedWriteProtect));
      return false;
    case StoreStatus::kFlushFailed:
      finish(command, Outcome::check(kWriteError));
      return false;
    case StoreStatus::kGone:
      medium_lost(command);
      finish(command, Outcome::check(kLogicalUnitFailure));
      return false;
  }
  return false;
}

void yield(Command& command, Step then) {
  CHECK(command.core.state == CommandState::kActive);
  continue_later(command, then);
}

std::optional<SenseCode> take_unit_attention(Command& command) {
  ItlNexus* const itl = command.core.itl;
  if (itl == nullptr || itl->attentions.empty()) return std::nullopt;
  const SenseCode code = itl->attentions.first();
  itl->attentions.pop();
  return code;
}

}  // namespace scsi
