// What the contract suite needs of each kind of PciDevice: a toy device behind it, and a hand on that.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hal/pci.h"

namespace test_support {

class Bench {
 public:
  virtual ~Bench() = default;
  virtual base::Result<std::unique_ptr<hal::PciDevice>> open() = 0;  // one at a time
  virtual void step() = 0;                                           // the model gets time to work
  virtual bool sees_faults() const { return true; }                  // and their log lines
  virtual std::uint64_t faults() = 0;                                // model faults so far
  virtual bool can_pull_out() const { return true; }
  virtual void pull_out() = 0;                  // surprise removal
  virtual const char* removal_log() const = 0;  // part of the warning that it brings, or null
};

struct BenchKind {
  std::string name;
  std::function<std::unique_ptr<Bench>()> make;
};
std::vector<BenchKind> bench_kinds();  // those that this machine has

}  // namespace test_support
