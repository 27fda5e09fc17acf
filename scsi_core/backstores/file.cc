// Disk on a file or block device: geometry, resize, extents. Requests are in file_channel.cc.
#include "scsi_core/backstores/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "base/log.h"
#include "scsi_core/backstores/file_channel.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("backstore");

}  // namespace

base::Result<std::unique_ptr<Backstore>> FileStore::create(const FileOptions& options) {
  if (!is_block_size(options.block_size)) {
    return base::fail(base::Errc::kInvalid, "block size of " + options.path + " must be 512 or 4096");
  }
  auto medium = TRY(open_medium(options));
  std::unique_ptr<FileStore> made(new FileStore(options, std::move(medium)));
  if (options.inherited != nullptr) TRY(made->take_over(*options.inherited));
  return std::unique_ptr<Backstore>(std::move(made));
}

FileStore::FileStore(const FileOptions& options, FileMedium medium)
    : path_(options.path),
      block_size_(options.block_size),
      thin_(options.thin && medium.can_punch),
      make_queue_(options.make_queue),
      medium_(std::move(medium)),
      size_(medium_.size),
      abilities_{medium_.direct, medium_.can_punch, true} {}

StoreGeometry FileStore::geometry() const {
  StoreGeometry geometry;
  geometry.block_size = block_size_;
  geometry.blocks = size() / block_size_;
  const std::uint32_t per_physical = std::max(1u, medium_.physical_block / block_size_);
  geometry.physical_exponent = static_cast<std::uint8_t>(std::bit_width(per_physical) - 1);
  geometry.unmap_granularity = std::max(1u, medium_.unmap_granularity / block_size_);
  geometry.thin = thin_;
  geometry.rotational = medium_.rotational;
  return geometry;
}

base::Result<std::unique_ptr<StoreChannel>> FileStore::open_channel(hal::Reactor& reactor) {
  auto engine = TRY(FileEngine::Ref::of(reactor, make_queue_));
  return std::unique_ptr<StoreChannel>(new FileChannel(*this, reactor, std::move(engine)));
}

std::string FileStore::describe() const {
  std::string text = (medium_.block_device ? "device " : "file ") + path_;
  if (!medium_.direct) text += ", cached";
  if (flush_state_.any_suspect()) text += ", a flush failed";
  return text;
}

std::optional<std::uint64_t> FileStore::lost_from() const {
  const auto there = medium_size(medium_.fd.get(), medium_.block_device);
  const std::uint64_t end = there.has_value() ? *there : 0;
  return end < size() ? std::optional(end) : std::nullopt;
}

void FileStore::flush_failed(int error) {
  flush_state_.failed();
  kLog.error("{}",
             base::fail_errno(path_ + ": data written since the last good flush may be lost", error).value().text);
}

base::Result<void> FileStore::hand_over(MediumState& out) {
  const std::lock_guard lock(mutex_);
  out.size = size();
  out.was_cut = was_cut_;
  out.direct = medium_.direct;
  out.memory_alignment = medium_.memory_alignment;
  flush_state_.hand_over(out.unflushed, out.suspect);
  out.descriptor = base::Fd(fcntl(medium_.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!out.descriptor) return base::fail_errno("hand " + path_ + " over");
  return {};
}

base::Result<void> FileStore::take_over(MediumState& state) {
  const std::lock_guard lock(mutex_);
  if (state.size != size()) return base::fail(base::Errc::kInvalid, path_ + ", handed over, has changed its size");
  was_cut_ = state.was_cut;
  flush_state_.take_over(state.unflushed, state.suspect);
  return {};
}

base::Result<void> FileStore::resize(std::uint64_t blocks) {
  const std::lock_guard lock(mutex_);
  if (blocks == 0 || blocks > (std::uint64_t{1} << 62) / block_size_) {
    return base::fail(base::Errc::kInvalid, "size of " + path_ + " must be at least 1 block");
  }
  const std::uint64_t before = size(), after = blocks * block_size_;
  if (!medium_.block_device) return resize_file(before, after);
  const std::uint64_t there = TRY(medium_size(medium_.fd.get(), true));
  if (after > there) {
    return base::fail(base::Errc::kInvalid, path_ + " holds " + std::to_string(there) + " bytes only");
  }
  size_.store(after, std::memory_order_release);
  flush_state_.cut(after);
  return {};
}

base::Result<void> FileStore::resize_file(std::uint64_t before, std::uint64_t after) {
  const int fd = medium_.fd.get();
  if (after < before) {
    size_.store(after, std::memory_order_release);
    flush_state_.cut(after);
    was_cut_ = true;
  } else if (was_cut_ && ftruncate(fd, static_cast<off_t>(before)) != 0) {  // what came in late behind the cut
    return base::fail_errno("cut " + path_);
  }
  const std::uint64_t there = TRY(medium_size(fd, false));
  if ((after < before || there < after) && ftruncate(fd, static_cast<off_t>(after)) != 0) {
    return base::fail_errno("resize " + path_);
  }
  if (!thin_ && after > before &&
      fallocate(fd, 0, static_cast<off_t>(before), static_cast<off_t>(after - before)) != 0) {
    return base::fail_errno("allocate " + path_);
  }
  size_.store(after, std::memory_order_release);
  return {};
}

base::Result<StoreExtent> FileStore::extent_at(std::uint64_t offset) {
  const std::uint64_t end = size();
  if (offset >= end) return base::fail(base::Errc::kInvalid, "offset beyond the end of " + path_);
  const StoreExtent all_mapped{offset, end - offset, true};
  if (!thin_ || medium_.block_device) return all_mapped;  // devices do not tell
  const int fd = medium_.fd.get();
  const auto at = static_cast<off_t>(offset);
  const off_t data = lseek(fd, at, SEEK_DATA);
  if (data < 0 && errno == ENXIO) return StoreExtent{offset, end - offset, false};
  if (data < 0) return all_mapped;
  // Blocks that are a hole in part only count as data.
  const std::uint64_t first = std::min(static_cast<std::uint64_t>(data), end) / block_size_ * block_size_;
  if (first > offset) return StoreExtent{offset, first - offset, false};
  const off_t hole = lseek(fd, data, SEEK_HOLE);
  if (hole < 0) return all_mapped;
  const std::uint64_t stop = (static_cast<std::uint64_t>(hole) + block_size_ - 1) / block_size_ * block_size_;
  return StoreExtent{offset, std::min(stop, end) - offset, true};
}

}  // namespace scsi
