// Mapping a client's files whole, and counting who uses them.
#include "emu/host/file_mappings.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace emu {

FileMappings::~FileMappings() {
  for (const File& file : files_) munmap(file.base, file.size);
}

base::Result<FileMappings::File> FileMappings::map(int fd, std::uint64_t size, bool write) {
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const bool writable = at != MAP_FAILED;
  if (!writable && errno == EACCES && !write) at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return base::fail_errno("map a client's memory");
  File file;
  file.base = static_cast<std::byte*>(at);
  file.size = size;
  file.writable = writable;
  return file;
}

base::Result<std::byte*> FileMappings::use(int fd, std::uint64_t offset, std::uint64_t size, bool write) {
  struct stat status;
  if (fstat(fd, &status) != 0) return base::fail_errno("look at a client's memory");
  const auto whole = static_cast<std::uint64_t>(status.st_size);
  // Touching a page beyond the end would kill us.
  if (size > whole || offset > whole - size) {
    return base::fail(base::Errc::kInvalid, "a DMA range lies beyond the end of its file");
  }
  for (File& file : files_) {
    if (file.device != status.st_dev || file.inode != status.st_ino || offset + size > file.size) continue;
    if (write && !file.writable) continue;
    ++file.uses;
    return file.base + offset;
  }
  File file = TRY(map(fd, whole, write));
  file.device = status.st_dev;
  file.inode = status.st_ino;
  file.uses = 1;
  files_.push_back(file);
  return file.base + offset;
}

void FileMappings::release(const std::byte* memory) {
  const auto at = std::find_if(files_.begin(), files_.end(),
                               [&](const File& file) { return memory >= file.base && memory < file.base + file.size; });
  CHECK(at != files_.end());
  if (--at->uses > 0) return;
  munmap(at->base, at->size);
  files_.erase(at);
}

}  // namespace emu
