// A medium on its way to another process: what its Backstore knows that is not in the configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "scsi_core/types.h"

namespace scsi {

// Made by Backstore::hand_over while no command is in flight, used up by make_backstore. Both processes then hold the
// same open file, with its locks; only one of them may use it.
struct MediumState {
  base::Fd descriptor;     // of the file, the device, or a RAM disk's memory; none where nothing was ever written
  std::uint64_t size = 0;  // bytes
  // A RAM disk's: bytes of the page map in front of its memory, and pages that exist.
  std::uint64_t map_bytes = 0, pages = 0;
  // A file's: what was written and not flushed since, and what a failed flush may have lost.
  std::vector<ByteRange> unflushed, suspect;
  bool was_cut = false;                      // the file was shorter at some time
  std::unique_ptr<MediumState> information;  // where the protection information is
};

}  // namespace scsi
