// One backstore on one reactor, driven round by round: requests are made here and waited for with a limit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "hal/dma.h"
#include "hal/reactor.h"
#include "scsi_core/backstore.h"

namespace scsi::test {

using Bytes = std::vector<std::byte>;

// `seed` decides the content.
Bytes pattern(std::size_t size, std::uint64_t seed);

// A request with memory of its own. Destroyed after its answer only.
class Call : public StoreRequest {
 public:
  // `cuts`: where the memory is split into segments, ascending byte positions.
  Call(StoreOp operation, std::uint64_t at, std::uint64_t bytes, std::vector<std::size_t> cuts = {});
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  int answers = 0;
  std::span<std::byte> data() { return {memory_.get(), static_cast<std::size_t>(has_data_ ? length : 0)}; }

 private:
  struct Free {
    void operator()(std::byte* at) const;
  };
  std::unique_ptr<std::byte[], Free> memory_;  // 4 KiB aligned, as pool memory is
  std::vector<hal::DmaSpan> spans_;
  bool has_data_;
};

class Bench {
 public:
  explicit Bench(std::unique_ptr<Backstore> backstore);
  ~Bench();
  Backstore& store() { return *store_; }
  StoreChannel& channel() { return *channel_; }
  hal::Reactor& reactor() { return *reactor_; }
  std::uint64_t size() const;
  std::uint32_t block() const { return store_->geometry().block_size; }

  void submit(Call& call) { channel_->submit(call); }
  // Rounds until the call is answered; false (and a test failure) after `limit`.
  bool wait(Call& call, base::Duration limit = std::chrono::seconds(20));
  void rounds(int count);

  StoreStatus write(std::uint64_t at, const Bytes& data, bool fua = false, std::vector<std::size_t> cuts = {});
  StoreStatus read(std::uint64_t at, Bytes& data, bool fua = false, std::vector<std::size_t> cuts = {});
  Bytes read(std::uint64_t at, std::size_t bytes);  // fails the test unless GOOD
  StoreStatus simple(StoreOp op, std::uint64_t at = 0, std::uint64_t bytes = 0, bool fua = false);
  StoreStatus flush() { return simple(StoreOp::kFlush); }

 private:
  std::unique_ptr<hal::Reactor> reactor_;
  std::unique_ptr<Backstore> store_;
  std::unique_ptr<StoreChannel> channel_;
};

}  // namespace scsi::test
