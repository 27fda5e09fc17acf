// One reactor's way to a file or block device: carries each request through the system calls that it takes.
//
// A transfer that is cut short goes on where it stopped. EIO is narrowed to the first bad block by halving. FUA is
// RWF_DSYNC where data bypasses the page cache, else a flush after the write. Flushes asked for while one is out share
// the next. A write that was in flight while a flush failed is done again (FlushState).
#pragma once

#include "scsi_core/backstores/answers.h"
#include "scsi_core/backstores/dirty_log.h"
#include "scsi_core/backstores/file.h"
#include "scsi_core/backstores/file_engine.h"

namespace scsi {

class FileChannel final : public StoreChannel, private hal::Message, private hal::Deferred {
 public:
  FileChannel(FileStore& store, hal::Reactor& reactor, FileEngine::Ref engine);
  ~FileChannel() override;
  void submit(StoreRequest& request) override;

  // --- for the engine ---
  void begin(IoSlot& slot, StoreRequest& request);
  void completed(IoSlot& slot);  // the slot's call has returned

 private:
  struct FlushOp : IoOp {
    explicit FlushOp(FileChannel& owner) : IoOp(&FlushOp::returned), channel(owner) {}
    static void returned(IoOp& op) { static_cast<FlushOp&>(op).channel.flush_returned(); }
    FileChannel& channel;
  };

  void transfer(IoSlot& slot);
  void allocate(IoSlot& slot);
  void again(IoSlot& slot);
  void failed(IoSlot& slot, int error);
  void other_way(IoSlot& slot, int error);
  void written(IoSlot& slot);
  void redo(IoSlot& slot, std::uint32_t failures);
  void end(IoSlot& slot, StoreStatus status, std::uint64_t bad_offset = 0);
  std::uint64_t call_limit(const IoSlot& slot) const;
  bool add_vectors(IoSlot& slot, std::span<const hal::DmaSpan> segments, std::uint64_t skip, std::uint64_t length);
  void bounce(IoSlot& slot, std::uint64_t limit);

  void flush(IoSlot& slot);
  void try_flush();
  void submit_flush();
  void flush_returned();
  void flush_settled(int error);
  void stable_started(IoSlot& slot);
  void stable_ended(IoSlot& slot);
  enum class Verdict : std::uint8_t { kGood, kFailed, kAskAgain };
  void resolve_flush(IoSlot& slot, Verdict verdict);

  FileStore& store_;
  hal::Reactor& reactor_;
  FileEngine::Ref engine_;
  Answers answers_;
  ChannelWrites writes_;
  base::IntrusiveList<IoSlot, StableTag> stable_;  // RWF_DSYNC writes that are out, the oldest first
  std::uint32_t in_flight_ = 0;
  FlushOp flush_op_;
  bool flushing_ = false;              // asked for its turn, or out
  std::uint64_t flush_epoch_ = 0;      // what the one that is out covers
  std::uint32_t flush_failures_ = 0;   // FlushState::failures() when it was submitted
  base::IntrusiveList<IoOp> batch_;    // slots that share the flush that is out
  base::IntrusiveList<IoOp> flushes_;  // slots that wait for the next
};

}  // namespace scsi
