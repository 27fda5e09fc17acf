// Files of a client's memory, each mapped once however many DMA ranges lie in it: a guest behind an IOMMU maps
// thousands of pages of one file. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace emu {

class FileMappings {
 public:
  FileMappings() = default;
  FileMappings(const FileMappings&) = delete;
  FileMappings& operator=(const FileMappings&) = delete;
  ~FileMappings();
  // Where [offset, offset + size) of the file is. The descriptor may be closed afterwards.
  base::Result<std::byte*> use(int fd, std::uint64_t offset, std::uint64_t size, bool write);
  void release(const std::byte* memory);  // what use() returned, once for each use
  std::size_t files() const { return files_.size(); }

 private:
  struct File {
    std::uint64_t device = 0, inode = 0;
    std::byte* base = nullptr;
    std::uint64_t size = 0;
    bool writable = true;
    std::size_t uses = 0;
  };
  static base::Result<File> map(int fd, std::uint64_t size, bool write);
  std::vector<File> files_;
};

}  // namespace emu
