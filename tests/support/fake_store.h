// A backstore in plain memory whose answers a test holds back, reorders or makes fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "scsi_core/backstore.h"

namespace test_support {

// Shared by the test and the logical unit that owns the store; outlives it.
struct FakeMedium {
  explicit FakeMedium(std::uint64_t block_count, std::uint32_t bytes_a_block = 512, std::uint64_t seed = 1)
      : block_size(bytes_a_block), bytes(block_count * bytes_a_block), random(seed) {}
  std::uint32_t block_size;
  std::vector<std::byte> bytes;
  bool hold = false;            // requests stay unanswered
  bool shuffle = false;         // any that is there is answered next
  std::size_t outstanding = 0;  // requests taken and not answered
  std::size_t taken = 0;
  std::deque<scsi::StoreStatus> next_status;  // of the next answers; kGood when empty
  bool fail_open = false;
  std::function<void(const scsi::StoreRequest&)> submitted, answering;  // a test's, called at these moments
  base::SeededRandom random;
};

class FakeStore final : public scsi::Backstore {
 public:
  explicit FakeStore(FakeMedium& medium) : medium_(medium) {}
  scsi::StoreGeometry geometry() const override;
  bool volatile_cache() const override { return true; }
  base::Result<std::unique_ptr<scsi::StoreChannel>> open_channel(hal::Reactor& reactor) override;
  base::Result<void> resize(std::uint64_t blocks) override;
  base::Result<scsi::StoreExtent> extent_at(std::uint64_t offset) override;
  std::string describe() const override { return "fake"; }

 private:
  FakeMedium& medium_;
};

}  // namespace test_support
