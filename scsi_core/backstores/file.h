// Disk on a regular file or block device. After GOOD to a FUA write or a flush the data is on the medium.
//
// No data is mapped into memory: a medium that shrinks or fails answers errors, never signals.
#pragma once

#include <atomic>
#include <mutex>

#include "scsi_core/backstore.h"
#include "scsi_core/backstores/file_medium.h"
#include "scsi_core/backstores/flush_state.h"
#include "scsi_core/backstores/io_queue.h"

namespace scsi {

struct FileOptions : FileOpenOptions {
  MakeIoQueue make_queue = &make_io_queue;
};

class FileStore final : public Backstore {
 public:
  // Blocking.
  static base::Result<std::unique_ptr<Backstore>> create(const FileOptions& options);
  ~FileStore() override = default;

  StoreGeometry geometry() const override;
  bool volatile_cache() const override { return true; }
  base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) override;
  base::Result<void> resize(std::uint64_t blocks) override;
  base::Result<StoreExtent> extent_at(std::uint64_t offset) override;
  std::string describe() const override;
  base::Result<void> hand_over(MediumState& out) override;
  base::Result<void> take_over(MediumState& state) override;

  // --- for its channels; any reactor ---
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  std::uint32_t block_size() const { return block_size_; }
  const FileMedium& medium() const { return medium_; }
  FlushState& flush_state() { return flush_state_; }
  // Where the medium ends before the disk does, if it does: somebody cut the file.
  std::optional<std::uint64_t> lost_from() const;
  void flush_failed(int error);
  // What the medium turned out to be able to do; starts as hoped for, falls when a call says no.
  struct Abilities {
    std::atomic<bool> data_sync_writes;  // RWF_DSYNC; only where data bypasses the page cache, see FileChannel
    std::atomic<bool> punch;
    std::atomic<bool> zero_range;
  };
  Abilities& abilities() { return abilities_; }
  bool thin() const { return thin_; }

 private:
  FileStore(const FileOptions& options, FileMedium medium);
  base::Result<void> resize_file(std::uint64_t before, std::uint64_t after);

  const std::string path_;
  const std::uint32_t block_size_;
  const bool thin_;
  const MakeIoQueue make_queue_;
  const FileMedium medium_;
  std::atomic<std::uint64_t> size_;
  Abilities abilities_;
  FlushState flush_state_;
  std::mutex mutex_;  // resize
  bool was_cut_ = false;
};

}  // namespace scsi
