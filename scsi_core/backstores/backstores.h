// Makes backstores from configuration: the control plane's only door into this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "scsi_core/backstore.h"
#include "scsi_core/backstores/filling.h"

namespace scsi {

inline constexpr char kProtectionSuffix[] = ".protection";

struct BackstoreConfig {
  enum class Kind : std::uint8_t { kRam, kFile, kNull };  // kFile: regular files and block devices
  Kind kind = Kind::kRam;
  std::string path;        // kFile
  std::uint64_t size = 0;  // bytes; kFile: 0: what is there; more than a file has: it is made or grows
  std::uint32_t block_size = 512;
  bool thin = true;                  // false: all of it is allocated at once
  std::uint64_t memory_limit = 0;    // kRam: bytes that may be in use at a time; 0: the process' limit only
  bool protection = false;           // with protection information (protected.h)
  std::string protection_path = {};  // kFile: the file that holds it; empty: `path` with kProtectionSuffix
  bool operator==(const BackstoreConfig&) const = default;
};

// Blocking (open, allocate): from a worker thread or before the reactors run. Errc::kBusy: another unit or program uses
// the medium.
// `inherited`: the medium as another process has handed it over (medium_state.h); used up. `filling`: what it takes
// long over is told there.
base::Result<std::unique_ptr<Backstore>> make_backstore(const BackstoreConfig& config, MediumState* inherited = nullptr,
                                                        Filling* filling = nullptr);

}  // namespace scsi
