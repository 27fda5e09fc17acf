// The boundary between device servers and what holds the data: asynchronous, scatter/gather, in bytes.
//
// A Backstore is one medium, shared by all reactors; each reactor works through a channel of its own, opened on first
// use. Offsets and lengths are bytes, multiples of the logical block size, already checked against the size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "hal/dma.h"
#include "hal/protection.h"
#include "hal/reactor.h"

namespace scsi {

// Protection information of a logical block (SBC-4 4.21).
inline constexpr std::uint32_t kProtectionBytes = sizeof(hal::ProtectionTuple);

enum class StoreOp : std::uint8_t { kRead, kWrite, kFlush, kUnmap, kWriteZeroes };

enum class StoreStatus : std::uint8_t {
  kGood,
  kMediumError,  // `bad_offset` is the first byte that could not be read or written
  kNoSpace,      // the medium's allocation failed: 07/27/07
  kFlushFailed,  // data written earlier may be lost; sticks until the range is rewritten, never cleared by a retry
  kGone,         // the medium is no longer there or shorter than it was
};

struct StoreRequest;
using StoreDone = void (*)(StoreRequest& request);

// Embedded in the command that wants it. The caller fills the first part; the channel owns it until `done` is called,
// from the poll loop, exactly once.
struct StoreRequest : base::ListHook<StoreRequest> {
  StoreOp op = StoreOp::kRead;
  bool fua = false;  // write: stable before done; read: flushed first
  std::uint64_t offset = 0;
  std::uint64_t length = 0;                // 0 with kFlush: everything
  std::span<const hal::DmaSpan> segments;  // kRead, kWrite; sum of bytes == length; stays in place until done
  StoreDone done = nullptr;
  void* context = nullptr;  // the caller's

  StoreStatus status = StoreStatus::kGood;  // answer
  std::uint64_t bad_offset = 0;
  std::uint64_t progress = 0;  // the channel's own
  std::uint64_t cookie = 0;    // the channel's own
};

// What the blocks of a medium may be.
inline bool is_block_size(std::uint32_t bytes) { return bytes == 512 || bytes == 4096 || bytes == kProtectionBytes; }

struct StoreGeometry {
  std::uint32_t block_size = 512;  // logical block, bytes: 512 or 4096; 8 where protection information is kept
  std::uint64_t blocks = 0;
  std::uint8_t physical_exponent = 3;   // logical blocks per physical block: 2^n
  std::uint32_t unmap_granularity = 1;  // in logical blocks
  std::uint32_t optimal_blocks = 0;     // OPTIMAL TRANSFER LENGTH, 0: none
  bool thin = true;                     // holes are kept: LBPME
  bool rotational = false;
};

// Extent of equal provisioning state, for GET LBA STATUS.
struct StoreExtent {
  std::uint64_t offset = 0, length = 0;
  bool mapped = true;
};

struct MediumState;

class StoreChannel {
 public:
  virtual ~StoreChannel() = default;
  virtual void submit(StoreRequest& request) = 0;
  // Memory of the medium itself for [offset, offset+length), as far as `out` has room; returns the bytes covered, 0
  // when the medium cannot lend (then use buffers and submit). The memory stays readable and writable as long as the
  // Backstore lives. Writing: what the borrower writes is on the medium at once; the extent counts as mapped from the
  // call.
  virtual std::uint64_t lend_for_read(std::uint64_t, std::uint64_t, std::span<hal::DmaSpan>, std::uint32_t& segments) {
    segments = 0;
    return 0;
  }
  virtual std::uint64_t lend_for_write(std::uint64_t, std::uint64_t, std::span<hal::DmaSpan>, std::uint32_t& segments,
                                       StoreStatus& status) {
    segments = 0;
    status = StoreStatus::kGood;
    return 0;
  }
};

class Backstore {
 public:
  virtual ~Backstore() = default;
  virtual StoreGeometry geometry() const = 0;   // may change by resize; any thread
  virtual bool lends() const { return false; }  // channels can lend memory
  virtual bool volatile_cache() const = 0;      // writes without FUA need a flush to be stable
  virtual base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) = 0;
  // Blocking: called from a worker thread, not from a reactor.
  virtual base::Result<void> resize(std::uint64_t blocks) = 0;
  // First extent at `offset`; may block briefly on a system call (lseek); any thread.
  virtual base::Result<StoreExtent> extent_at(std::uint64_t offset) = 0;
  virtual std::string describe() const = 0;  // "ram", "file /srv/disk0", for status
  // For another process to go on with (medium_state.h), any thread; this one stays as it is. Up to date when no request
  // is in flight. take_over: there, of the same medium, when the other process does not use it any more.
  virtual base::Result<void> hand_over(MediumState& out) {
    (void)out;
    return base::fail(base::Errc::kUnsupported, describe() + " cannot be handed over");
  }
  virtual base::Result<void> take_over(MediumState& state) {
    (void)state;
    return {};
  }
  // Where the protection information of a protected medium is (protected.h); null: there is none.
  virtual Backstore* protection() { return nullptr; }
};

}  // namespace scsi
