// A kernel with a write cache that loses data, in one thread and from a seed: what a file channel must survive.
//
// Blocks hold version numbers. A write goes to the cache; a flush carries the dirty blocks to the medium, or loses some
// of them and says so once, to whichever caller comes first: after that the cache calls them clean.
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <vector>

#include "base/random.h"
#include "scsi_core/backstores/io_queue.h"

namespace scsi::test {

class FakeKernel {
 public:
  static constexpr std::uint64_t kBlock = 512;
  static constexpr std::uint64_t kBlocks = 64;
  explicit FakeKernel(std::uint64_t seed) : random_(seed) { current_ = this; }
  ~FakeKernel() { current_ = nullptr; }
  static base::Result<std::unique_ptr<IoQueue>> make_queue(hal::Reactor& reactor);
  // Executes or answers one operation, whichever chance picks; false if there is none.
  bool step();
  std::uint64_t stable(std::uint64_t block) { return medium_[block]; }
  bool failing = true;  // flushes and write-back may lose data
  int losses = 0;

 private:
  class Queue;
  std::int32_t execute(IoOp& op);
  std::int32_t write(const IoOp& op);
  void write_back(std::uint64_t block);
  std::int32_t flush();

  static FakeKernel* current_;
  base::SeededRandom random_;
  std::array<std::uint64_t, kBlocks> cache_{}, medium_{};
  std::bitset<kBlocks> dirty_;
  bool untold_ = false;  // data was lost, nobody has been told
  std::vector<IoOp*> submitted_, executed_;
};

}  // namespace scsi::test
