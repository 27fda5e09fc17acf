// What all file channels of one reactor share: its queue of system calls and the slots that requests are worked in.
//
// A request takes a slot when it starts and keeps it through every retry; without a free one it waits, in order.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "scsi_core/backstore.h"
#include "scsi_core/backstores/io_queue.h"

namespace scsi {

class FileChannel;

struct StableTag;

struct IoSlot : IoOp, base::ListHook<StableTag> {
  enum class Phase : std::uint8_t { kTransfer, kAllocate, kZeros };
  static constexpr std::size_t kMaxIov = 16;
  IoSlot();
  FileChannel* channel = nullptr;
  StoreRequest* request = nullptr;
  Phase phase = Phase::kTransfer;
  bool plain = false;               // FUA by a flush afterwards, not by RWF_DSYNC
  std::uint64_t stable_number = 0;  // of a write with RWF_DSYNC that has not ended (ChannelWrites), else 0
  bool sync_error = false;          // RWF_DSYNC failed: in the write or in the flush
  bool suspect = false;             // kFlush: suspect data lay in the range when it was submitted
  std::uint16_t retries = 0;        // in a row, without progress
  std::uint32_t failures = 0;       // FlushState::failures() when the write was submitted first
  std::uint64_t asked = 0;          // bytes of the call that is out
  std::uint64_t bad_end = 0;        // an error lies between request->progress and here; 0: none known
  std::byte* bounce = nullptr;      // for memory that O_DIRECT does not take
  std::array<iovec, kMaxIov> vectors;
};

class FileEngine {
 public:
  // The reactor's engine; made for the first of its channels, gone with the last. On the reactor's thread or while its
  // loop does not run.
  class Ref {
   public:
    static base::Result<Ref> of(hal::Reactor& reactor, MakeIoQueue make_queue);
    Ref(Ref&& other) noexcept : engine_(std::exchange(other.engine_, nullptr)) {}
    Ref& operator=(Ref&&) = delete;
    ~Ref();
    FileEngine* operator->() const { return engine_; }

   private:
    explicit Ref(FileEngine* engine) : engine_(engine) {}
    FileEngine* engine_;
  };

  // Starts the request in a slot, now or later, by channel.begin().
  void start(FileChannel& channel, StoreRequest& request);
  void submit(IoOp& op) { queue_->submit(op); }
  void free(IoSlot& slot);

 private:
  FileEngine(hal::Reactor& reactor, MakeIoQueue make_queue, std::unique_ptr<IoQueue> queue);

  hal::Reactor& reactor_;
  MakeIoQueue make_queue_;
  std::uint32_t channels_ = 0;
  std::unique_ptr<IoQueue> queue_;
  std::unique_ptr<IoSlot[]> slots_;
  std::vector<IoSlot*> free_;                  // the last used first: its memory is warm
  base::IntrusiveList<StoreRequest> waiting_;  // StoreRequest::cookie: the channel
};

}  // namespace scsi
