// A medium on its way to another process: what its Backstore knows that is not in the configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "scsi_core/types.h"

namespace scsi {

// Made by Backstore::hand_over. make_backstore opens the medium from it, while the other process still uses it; when
// that has no command in flight any more, a second one brings this up to date (Backstore::take_over). Both processes
// hold the same open file, with its locks; only one of them uses it at a time.
struct MediumState {
  base::Fd descriptor;     // of the file, the device, or a RAM disk's memory; none where nothing was ever written
  std::uint64_t size = 0;  // bytes
  // A RAM disk's: bytes of the page map in front of its memory, and pages that exist.
  std::uint64_t map_bytes = 0, pages = 0;
  // A file's: what was written and not flushed since, and what a failed flush may have lost.
  std::vector<ByteRange> unflushed, suspect;
  bool was_cut = false;  // the file was shorter at some time
  bool direct = false;   // and whether its transfers bypass the page cache, and what that asks of memory
  std::uint32_t memory_alignment = 1;
  std::unique_ptr<MediumState> information;  // where the protection information is
};

}  // namespace scsi
