// What an import asks of a machine; replaced by tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ctl {

struct MediumFacts {
  bool block = false;  // a block device
  std::uint64_t size = 0;
};

class MachineFacts {
 public:
  virtual ~MachineFacts() = default;
  virtual std::optional<MediumFacts> medium(const std::string& path) const = 0;  // nothing: not there, or neither kind
  virtual std::string scsi_disk(const std::string& address) const = 0;           // "1:0:0:0" -> "/dev/sdb"; empty: none
  virtual std::string fc_device(const std::string& wwpn) const = 0;  // "21:00:..." -> PCI address; empty: none
  virtual base::Result<std::string> read(const std::string& path, std::size_t limit) const = 0;
  // Files that a pattern or folder stands for, sorted.
  virtual std::vector<std::string> files(const std::string& pattern) const = 0;
};

// This machine. Reads /sys and /dev as far as the caller may.
const MachineFacts& this_machine();

}  // namespace ctl
