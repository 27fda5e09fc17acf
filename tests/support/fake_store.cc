// The channels of a FakeStore.
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "hal/reactor.h"

namespace test_support {
namespace {

class FakeChannel final : public scsi::StoreChannel, public hal::Poller {
 public:
  FakeChannel(FakeMedium& medium, hal::Reactor& reactor) : medium_(medium), reactor_(reactor) { reactor_.add(*this); }
  ~FakeChannel() override {
    EXPECT_TRUE(waiting_.empty()) << "a channel was closed with requests out";
    reactor_.remove(*this);
  }

  void submit(scsi::StoreRequest& request) override {
    waiting_.push_back(&request);
    ++medium_.outstanding;
    ++medium_.taken;
    if (medium_.submitted) medium_.submitted(request);
  }

  bool poll() override {
    if (waiting_.empty() || medium_.hold) return false;
    const std::size_t index = medium_.shuffle ? medium_.random.below(waiting_.size()) : 0;
    scsi::StoreRequest& request = *waiting_[index];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
    --medium_.outstanding;
    request.status = scsi::StoreStatus::kGood;
    if (!medium_.next_status.empty()) {
      request.status = medium_.next_status.front();
      request.bad_offset = request.offset;
      medium_.next_status.pop_front();
    }
    if (request.status == scsi::StoreStatus::kGood) execute(request);
    if (medium_.answering) medium_.answering(request);
    request.done(request);
    return true;
  }

 private:
  void execute(const scsi::StoreRequest& request) {
    if (request.op == scsi::StoreOp::kFlush) return;
    ASSERT_LE(request.offset + request.length, medium_.bytes.size());
    std::byte* at = medium_.bytes.data() + request.offset;
    if (request.op == scsi::StoreOp::kUnmap || request.op == scsi::StoreOp::kWriteZeroes) {
      std::memset(at, 0, request.length);
      return;
    }
    std::uint64_t moved = 0;
    for (const hal::DmaSpan& segment : request.segments) {
      std::byte* const memory = segment.bytes.data();
      std::memcpy(request.op == scsi::StoreOp::kRead ? memory : at, request.op == scsi::StoreOp::kRead ? at : memory,
                  segment.bytes.size());
      at += segment.bytes.size();
      moved += segment.bytes.size();
    }
    EXPECT_EQ(moved, request.length) << "segments and length of a request differ";
  }

  FakeMedium& medium_;
  hal::Reactor& reactor_;
  std::deque<scsi::StoreRequest*> waiting_;
};

}  // namespace

scsi::StoreGeometry FakeStore::geometry() const {
  scsi::StoreGeometry geometry;
  geometry.block_size = medium_.block_size;
  geometry.blocks = medium_.bytes.size() / medium_.block_size;
  return geometry;
}

base::Result<std::unique_ptr<scsi::StoreChannel>> FakeStore::open_channel(hal::Reactor& reactor) {
  if (medium_.fail_open) return base::fail(base::Errc::kIo, "the test lets it fail");
  return std::make_unique<FakeChannel>(medium_, reactor);
}

base::Result<void> FakeStore::resize(std::uint64_t blocks) {
  medium_.bytes.resize(blocks * medium_.block_size);
  return {};
}

base::Result<scsi::StoreExtent> FakeStore::extent_at(std::uint64_t offset) {
  return scsi::StoreExtent{offset, medium_.bytes.size() - offset, true};
}

}  // namespace test_support
