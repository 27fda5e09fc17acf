// The test bench.
#include "tests/contract/backstore/bench.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

namespace scsi::test {

Bytes pattern(std::size_t size, std::uint64_t seed) {
  base::SeededRandom random(seed);
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = random.next();
    std::memcpy(bytes.data() + i, &word, std::min(sizeof word, size - i));
  }
  return bytes;
}

void Call::Free::operator()(std::byte* at) const { std::free(at); }

Call::Call(StoreOp operation, std::uint64_t at, std::uint64_t bytes, std::vector<std::size_t> cuts)
    : has_data_(operation == StoreOp::kRead || operation == StoreOp::kWrite) {
  op = operation;
  offset = at;
  length = bytes;
  done = [](StoreRequest& request) { ++static_cast<Call&>(request).answers; };
  if (!has_data_) return;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)));
  cuts.push_back(bytes);
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    spans_.push_back({{memory_.get() + from, to - from}, {reinterpret_cast<std::uintptr_t>(memory_.get() + from)}});
    from = to;
  }
  segments = spans_;
}

Bench::Bench(std::unique_ptr<Backstore> backstore)
    : reactor_(hal::Reactor::create({.name = "bench", .dma_limit = 16 << 20}).value()),
      store_(std::move(backstore)),
      channel_(store_->open_channel(*reactor_).value()) {}

Bench::~Bench() { channel_.reset(); }

std::uint64_t Bench::size() const {
  const StoreGeometry geometry = store_->geometry();
  return geometry.blocks * geometry.block_size;
}

bool Bench::wait(Call& call, base::Duration limit) {
  const base::RealClock clock;
  const base::Time until = clock.now() + limit;
  while (call.answers == 0) {
    reactor_->run_once();
    if (clock.now() > until) {
      ADD_FAILURE() << "no answer to a request within the limit";
      std::abort();  // the request is still owned by the channel: nothing can be cleaned up
    }
  }
  return true;
}

void Bench::rounds(int count) {
  for (int i = 0; i < count; ++i) reactor_->run_once();
}

StoreStatus Bench::write(std::uint64_t at, const Bytes& data, bool fua, std::vector<std::size_t> cuts) {
  Call call(StoreOp::kWrite, at, data.size(), std::move(cuts));
  std::memcpy(call.data().data(), data.data(), data.size());
  call.fua = fua;
  submit(call);
  wait(call);
  return call.status;
}

StoreStatus Bench::read(std::uint64_t at, Bytes& data, bool fua, std::vector<std::size_t> cuts) {
  Call call(StoreOp::kRead, at, data.size(), std::move(cuts));
  std::memset(call.data().data(), 0xa5, data.size());
  call.fua = fua;
  submit(call);
  wait(call);
  std::memcpy(data.data(), call.data().data(), data.size());
  return call.status;
}

Bytes Bench::read(std::uint64_t at, std::size_t bytes) {
  Bytes data(bytes);
  EXPECT_EQ(read(at, data), StoreStatus::kGood);
  return data;
}

StoreStatus Bench::simple(StoreOp op, std::uint64_t at, std::uint64_t bytes, bool fua) {
  Call call(op, at, bytes);
  call.fua = fua;
  submit(call);
  wait(call);
  return call.status;
}

}  // namespace scsi::test
