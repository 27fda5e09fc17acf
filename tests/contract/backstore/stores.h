// The backstores under test.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "scsi_core/backstores/backstores.h"

namespace scsi::test {

struct StoreKind {
  std::string name;
  BackstoreConfig::Kind kind = BackstoreConfig::Kind::kRam;
  std::uint32_t block_size = 512;
  bool thin = true;
  bool keeps_data = true;
  bool can_resize = true;
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
  std::unique_ptr<Backstore> open();
  const BackstoreConfig& config() const { return config_; }

 private:
  BackstoreConfig config_;
};

}  // namespace scsi::test
