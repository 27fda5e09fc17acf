// An open file or block device: its descriptor, and what was found out about it when it was opened.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "scsi_core/backstores/filling.h"
#include "scsi_core/medium_state.h"

namespace scsi {

struct FileOpenOptions {
  std::string path;
  std::uint64_t size = 0;  // bytes wanted; 0: what is there
  std::uint32_t block_size = 512;
  bool thin = true;
  bool direct = true;                // O_DIRECT if it can; false only to test the other way
  MediumState* inherited = nullptr;  // opened by another process, which has done with it; used up
  Filling* filling = nullptr;
};

struct FileMedium {
  base::Fd fd;
  bool block_device = false;
  bool direct = false;                  // every transfer bypasses the page cache
  std::uint32_t memory_alignment = 1;   // what `direct` asks of addresses and segment lengths
  std::uint32_t physical_block = 4096;  // bytes
  std::uint32_t unmap_granularity = 4096;
  bool can_punch = false;
  bool rotational = false;
  std::uint64_t size = 0;  // bytes, whole logical blocks: the disk's, at most the medium's
};

// Opens the medium for this process alone (O_EXCL or a lock on the file); makes a file that is not there when a size is
// given. Blocking; waits up to three seconds for a process that is just ending to let go of it.
base::Result<FileMedium> open_medium(const FileOpenOptions& options);
// What a medium holds at this moment: a file's size, a device's capacity.
base::Result<std::uint64_t> medium_size(int fd, bool block_device);

}  // namespace scsi
