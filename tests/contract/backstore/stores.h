// The backstores under test.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "scsi_core/backstores/backstores.h"
#include "scsi_core/backstores/file.h"
#include "tests/contract/backstore/loop_device.h"

namespace scsi::test {

struct StoreKind {
  std::string name;
  BackstoreConfig::Kind kind = BackstoreConfig::Kind::kRam;
  std::uint32_t block_size = 512;
  bool thin = true;
  bool keeps_data = true;
  bool loop_device = false;  // kFile: a block device
  bool direct = true;        // kFile: O_DIRECT
  MakeIoQueue make_queue = &make_io_queue;
  bool can_resize() const { return !loop_device; }
  bool tells_extents() const { return thin && keeps_data && !loop_device; }
};
inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

std::vector<StoreKind> all_stores();

// A fresh, empty medium of this kind; what it leaves on the host's disk is removed with this object.
class Medium {
 public:
  Medium(const StoreKind& kind, std::uint64_t size);
  ~Medium();
  Medium(const Medium&) = delete;
  Medium& operator=(const Medium&) = delete;
  // False on machines that do not let us make such a medium (loop devices need root).
  bool possible() const { return possible_; }
  std::unique_ptr<Backstore> open();
  const std::string& path() const { return path_; }

 private:
  const StoreKind kind_;
  const std::uint64_t size_;
  std::string path_;
  std::string file_;  // to be removed
  std::optional<LoopDevice> loop_;
  bool possible_ = true;
};

}  // namespace scsi::test
