// Opening a medium and finding out what it can do.
#include "scsi_core/backstores/file_medium.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/log.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("backstore");
constexpr int kBusyTries = 60;
constexpr useconds_t kBusyWait = 50'000;
constexpr std::uint64_t kSlice = std::uint64_t{256} << 20;  // allocated at a time, so that one sees how far it is

// An attribute of the request queue under a device; partitions share their disk's.
std::uint64_t queue_attribute(dev_t device, const char* name, std::uint64_t otherwise) {
  const std::string at = "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
  for (const char* folder : {"/queue/", "/../queue/"}) {
    std::uint64_t value = 0;
    if (std::ifstream(at + folder + name) >> value) return value;
  }
  return otherwise;
}

base::Result<base::Fd> open_existing(const std::string& path, bool block_device) {
  for (int tries = 0;; ++tries) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | (block_device ? O_EXCL : 0));
    if (fd >= 0) {
      base::Fd descriptor(fd);
      if (block_device || flock(fd, LOCK_EX | LOCK_NB) == 0) return descriptor;
    }
    const bool busy = errno == EBUSY || errno == EWOULDBLOCK;
    if (!busy) return base::fail_errno("open " + path);
    // A process that was killed lets go only when its last transfer is over.
    if (tries == kBusyTries) return base::fail(base::Errc::kBusy, path + " is used by another unit or program");
    usleep(kBusyWait);
  }
}

base::Result<base::Fd> make_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return base::fail_errno("create " + path);
  base::Fd descriptor(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return base::fail_errno("lock " + path);
  const auto parent = std::filesystem::path(path).parent_path();
  const base::Fd folder(open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) return base::fail_errno("sync the folder of " + path);
  return descriptor;
}

// Asked first: a file system is not filled up only to find out that it is too small.
base::Result<void> room_for(const FileOpenOptions& options, int fd, std::uint64_t bytes) {
  struct stat file {};
  struct statvfs system {};
  if (fstat(fd, &file) != 0 || fstatvfs(fd, &system) != 0) return base::fail_errno("allocate " + options.path);
  const auto has = static_cast<std::uint64_t>(file.st_blocks) * 512;
  if (bytes <= has || (bytes - has) / std::max<std::uint64_t>(system.f_frsize, 1) <= system.f_bavail) return {};
  return base::fail_errno("allocate " + options.path, ENOSPC);
}

base::Result<void> allocate(const FileOpenOptions& options, int fd, std::uint64_t bytes) {
  if (options.filling != nullptr) options.filling->of.store(bytes, std::memory_order_relaxed);
  for (std::uint64_t at = 0; at < bytes;) {
    const std::uint64_t part = std::min(bytes - at, kSlice);
    if (fallocate(fd, 0, static_cast<off_t>(at), static_cast<off_t>(part)) != 0) {
      return base::fail_errno("allocate " + options.path);
    }
    at += part;
    if (options.filling != nullptr) options.filling->done.store(at, std::memory_order_relaxed);
  }
  return {};
}

base::Result<std::uint64_t> fit_size(const FileOpenOptions& options, int fd, bool block_device) {
  const std::uint64_t there = TRY(medium_size(fd, block_device));
  const std::uint64_t wanted = options.size != 0 ? options.size : there / options.block_size * options.block_size;
  if (wanted == 0) return base::fail(base::Errc::kInvalid, options.path + " is empty, and no size is given");
  if (wanted % options.block_size != 0 || wanted > std::uint64_t{1} << 62) {
    return base::fail(base::Errc::kInvalid, "size of " + options.path + " must be whole blocks");
  }
  if (block_device && wanted > there) {
    return base::fail(base::Errc::kInvalid, options.path + " holds " + std::to_string(there) + " bytes only");
  }
  if (block_device) return wanted;
  if (!options.thin) TRY(room_for(options, fd, wanted));
  if (wanted > there && ftruncate(fd, static_cast<off_t>(wanted)) != 0) return base::fail_errno("grow " + options.path);
  if (const auto allocated = options.thin ? base::Result<void>() : allocate(options, fd, wanted); !allocated) {
    if (wanted > there && ftruncate(fd, static_cast<off_t>(there)) != 0) return base::fail_errno("cut " + options.path);
    return tl::unexpected<base::Error>(allocated.error());
  }
  if (fdatasync(fd) != 0) return base::fail_errno("sync " + options.path);
  return wanted;
}

// Tries whether a transfer of `alignment` bytes from aligned memory bypasses the page cache.
bool reads_direct(int fd, std::size_t alignment) {
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(4096, 4096), &std::free);
  return memory != nullptr && pread(fd, memory.get(), alignment, static_cast<off_t>(alignment)) >= 0;
}

// Direct for every transfer or for none: mixed, a page that the cache still holds would overwrite a neighbour's block.
void choose_direct(FileMedium& medium, std::uint32_t block_size) {
  const int fd = medium.fd.get();
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT) != 0) return;
  std::uint32_t offset_alignment = 0;
#ifdef STATX_DIOALIGN
  struct statx about {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &about) == 0 && (about.stx_mask & STATX_DIOALIGN) != 0) {
    offset_alignment = about.stx_dio_offset_align;
    medium.memory_alignment = about.stx_dio_mem_align;
    medium.direct = offset_alignment != 0 && offset_alignment <= block_size;
    if (!medium.direct) fcntl(fd, F_SETFL, flags);
    return;
  }
#endif
  for (const std::uint32_t alignment : {512u, 4096u}) {
    if (offset_alignment == 0 && alignment <= block_size && reads_direct(fd, alignment)) offset_alignment = alignment;
  }
  medium.memory_alignment = std::max(1u, offset_alignment);
  medium.direct = offset_alignment != 0;
  if (!medium.direct) fcntl(fd, F_SETFL, flags);
}

void describe_device(FileMedium& medium, dev_t device) {
  unsigned int physical = 0;
  if (ioctl(medium.fd.get(), BLKPBSZGET, &physical) == 0 && std::has_single_bit(physical)) {
    medium.physical_block = physical;
  }
  medium.unmap_granularity =
      static_cast<std::uint32_t>(queue_attribute(device, "discard_granularity", medium.physical_block));
  medium.can_punch = queue_attribute(device, "write_zeroes_max_bytes", 0) != 0;
  medium.rotational = queue_attribute(device, "rotational", 0) != 0;
}

void describe_file(FileMedium& medium, const struct stat& about) {
  const auto block = static_cast<std::uint32_t>(about.st_blksize);
  medium.physical_block = medium.unmap_granularity = std::has_single_bit(block) ? std::min(block, 65536u) : 4096;
  // Beyond the end of the file a hole changes nothing.
  const off_t beyond = (about.st_size / (1 << 20) + 2) * (1 << 20);
  medium.can_punch = fallocate(medium.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, beyond, 1 << 20) == 0;
  medium.rotational = queue_attribute(about.st_dev, "rotational", 0) != 0;
}

}  // namespace

namespace {

base::Result<base::Fd> open_path(const FileOpenOptions& options) {
  struct stat about {};
  const bool there = stat(options.path.c_str(), &about) == 0;
  if (!there && (errno != ENOENT || options.size == 0)) return base::fail_errno("open " + options.path);
  if (there && !S_ISREG(about.st_mode) && !S_ISBLK(about.st_mode)) {
    return base::fail(base::Errc::kInvalid, options.path + " is neither a file nor a block device");
  }
  return there ? open_existing(options.path, S_ISBLK(about.st_mode)) : make_file(options.path);
}

// As large as it was; what is no longer there answers errors, as it would have before.
base::Result<std::uint64_t> inherited_size(const FileOpenOptions& options) {
  const std::uint64_t size = options.inherited->size;
  if (size == 0 || size % options.block_size != 0 || size > std::uint64_t{1} << 62) {
    return base::fail(base::Errc::kInvalid, options.path + ", handed over: its size");
  }
  return size;
}

}  // namespace

base::Result<FileMedium> open_medium(const FileOpenOptions& options) {
  const bool inherited = options.inherited != nullptr && options.inherited->descriptor;
  FileMedium medium;
  medium.fd = inherited ? std::move(options.inherited->descriptor) : TRY(open_path(options));
  struct stat about {};
  if (fstat(medium.fd.get(), &about) != 0) return base::fail_errno("open " + options.path);
  medium.block_device = S_ISBLK(about.st_mode);
  medium.size = inherited ? TRY(inherited_size(options)) : TRY(fit_size(options, medium.fd.get(), medium.block_device));
  if (medium.block_device) {
    describe_device(medium, about.st_rdev);
  } else {
    describe_file(medium, about);
  }
  if (inherited) {  // not tried out: the other process still uses the file
    medium.direct = options.inherited->direct;
    medium.memory_alignment = std::max(1u, options.inherited->memory_alignment);
  } else if (options.direct) {
    choose_direct(medium, options.block_size);
  }
  if (!medium.direct) kLog.info("{}: through the page cache", options.path);
  return medium;
}

base::Result<std::uint64_t> medium_size(int fd, bool block_device) {
  if (block_device) {
    std::uint64_t bytes = 0;
    if (ioctl(fd, BLKGETSIZE64, &bytes) != 0) return base::fail_errno("size of a block device");
    return bytes;
  }
  struct stat about {};
  if (fstat(fd, &about) != 0) return base::fail_errno("size of a file");
  return static_cast<std::uint64_t>(about.st_size);
}

}  // namespace scsi
