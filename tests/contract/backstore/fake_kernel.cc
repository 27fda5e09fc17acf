// The kernel that loses data.
#include "tests/contract/backstore/fake_kernel.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace scsi::test {

FakeKernel* FakeKernel::current_ = nullptr;

class FakeKernel::Queue final : public IoQueue {
 public:
  void submit(IoOp& op) override { current_->submitted_.push_back(&op); }
};

base::Result<std::unique_ptr<IoQueue>> FakeKernel::make_queue(hal::Reactor&) { return std::make_unique<Queue>(); }

bool FakeKernel::step() {
  const bool answer = !executed_.empty() && (submitted_.empty() || random_.below(2) == 0);
  std::vector<IoOp*>& from = answer ? executed_ : submitted_;
  if (from.empty()) return false;
  std::swap(from[random_.below(from.size())], from.back());
  IoOp* const op = from.back();
  from.pop_back();
  if (answer) {
    op->done(*op);
  } else {
    op->result = execute(*op);
    executed_.push_back(op);
  }
  if (random_.below(4) == 0) write_back(random_.below(kBlocks));
  return true;
}

std::int32_t FakeKernel::execute(IoOp& op) {
  switch (op.kind) {
    case IoOp::Kind::kWrite:
      return write(op);
    case IoOp::Kind::kDataSync:
      return flush();
    case IoOp::Kind::kRead:
    case IoOp::Kind::kAllocate:
      break;
  }
  return -EOPNOTSUPP;
}

std::int32_t FakeKernel::write(const IoOp& op) {
  std::uint64_t block = op.offset / kBlock;
  std::int32_t bytes = 0;
  for (std::uint32_t i = 0; i < op.iov_count; ++i) {
    for (std::size_t at = 0; at < op.iov[i].iov_len; at += kBlock, ++block) {
      std::memcpy(&cache_[block], static_cast<const std::byte*>(op.iov[i].iov_base) + at, sizeof(std::uint64_t));
      dirty_.set(block);
    }
    bytes += static_cast<std::int32_t>(op.iov[i].iov_len);
  }
  if (random_.below(8) == 0 && bytes > static_cast<std::int32_t>(kBlock)) bytes = kBlock;  // cut short
  if (!op.data_sync) return bytes;
  const std::int32_t synced = flush();
  return synced < 0 ? synced : bytes;
}

// Whether or not it worked, the cache calls the block clean.
void FakeKernel::write_back(std::uint64_t block) {
  if (!dirty_.test(block)) return;
  dirty_.reset(block);
  if (failing && random_.below(100) == 0) {
    untold_ = true;
    ++losses;
  } else {
    medium_[block] = cache_[block];
  }
}

std::int32_t FakeKernel::flush() {
  for (std::uint64_t block = 0; block < kBlocks; ++block) write_back(block);
  return std::exchange(untold_, false) ? -EIO : 0;
}

}  // namespace scsi::test
