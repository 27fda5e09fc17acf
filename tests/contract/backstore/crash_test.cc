// kill -9 of a process that writes through a file backstore: what was acknowledged is there, blocks are whole, nothing
// else has changed.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/stores.h"

namespace scsi::test {
namespace {

constexpr std::uint64_t kBlocks = 4096;
constexpr std::uint64_t kDepth = 16;

// What the writer tells of itself; outlives it.
struct Diary {
  std::array<std::atomic<std::uint64_t>, kBlocks> issued, acknowledged;  // versions
  std::atomic<std::uint64_t> version;
};

std::uint64_t word(std::uint64_t block, std::uint64_t version, std::size_t at) {
  return block << 48 ^ version << 8 ^ at;  // of a block; the version can be read from the first word
}

struct Writer;
struct WriterCall : Call {
  WriterCall(Writer& owner, std::uint64_t first_block)
      : Call(StoreOp::kWrite, first_block * 512, 4 * 512), writer(owner), first(first_block) {}
  Writer& writer;
  std::uint64_t first;
  std::uint64_t version = 0;
};

struct Writer {
  Writer(Bench& on, Diary& to, std::uint64_t seed) : bench(on), diary(to), random(seed) {}
  void run() {
    for (std::uint64_t i = 0; i < kDepth; ++i) {
      calls.push_back(std::make_unique<WriterCall>(*this, 0));
      issue(*calls.back(), i);
    }
    for (;;) bench.reactor().run_once();
  }
  // Each call keeps to blocks of its own, so that no two writes of a block are out at once.
  void issue(WriterCall& call, std::uint64_t lane) {
    call.first = (random.below(kBlocks / 4 / kDepth) * kDepth + lane) * 4;
    call.offset = call.first * 512;
    call.version = ++diary.version;
    call.fua = random.below(4) == 0;
    call.cookie = 0;
    call.context = reinterpret_cast<void*>(lane);
    for (std::uint64_t i = 0; i < 4; ++i) {
      for (std::size_t at = 0; at < 64; ++at) {
        const std::uint64_t value = word(call.first + i, call.version, at);
        std::memcpy(call.data().data() + i * 512 + at * 8, &value, 8);
      }
      diary.issued[call.first + i] = call.version;
    }
    call.done = [](StoreRequest& request) {
      auto& self = static_cast<WriterCall&>(request);
      if (request.status != StoreStatus::kGood) _exit(9);
      for (std::uint64_t i = 0; i < 4; ++i) self.writer.diary.acknowledged[self.first + i] = self.version;
      self.writer.issue(self, reinterpret_cast<std::uintptr_t>(request.context));
    };
    bench.submit(call);
  }
  Bench& bench;
  Diary& diary;
  base::SeededRandom random;
  std::vector<std::unique_ptr<WriterCall>> calls;
};

class Crash : public testing::TestWithParam<StoreKind> {};

TEST_P(Crash, WhatWasAcknowledgedIsThereAndNothingElseHasChanged) {
  Medium medium(GetParam(), kBlocks * 512);
  void* const shared = mmap(nullptr, sizeof(Diary), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& diary = *new (shared) Diary();
  std::vector<std::uint64_t> before(kBlocks);
  std::uint64_t changed = 0;
  for (std::uint64_t round = 0; round < 15; ++round) {
    const std::uint64_t started = diary.version;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Bench bench(medium.open());
      Writer(bench, diary, round).run();
    }
    for (int i = 0; i < 10'000 && diary.version < started + 200; ++i) usleep(1000);
    usleep(static_cast<useconds_t>(round * 777));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << status;
    Bench bench(medium.open());
    const Bytes all = bench.read(0, kBlocks * 512);
    for (std::uint64_t block = 0; block < kBlocks; ++block) {
      std::array<std::uint64_t, 64> words;
      std::memcpy(words.data(), all.data() + block * 512, 512);
      const std::uint64_t version = words[0] == 0 ? 0 : (words[0] ^ block << 48) >> 8;
      for (std::size_t at = 0; version != 0 && at < 64; ++at) ASSERT_EQ(words[at], word(block, version, at)) << "torn";
      ASSERT_GE(version, diary.acknowledged[block]) << "block " << block << " lost an acknowledged write";
      ASSERT_LE(version, diary.issued[block]);
      ASSERT_TRUE(version == before[block] || version > started) << "block " << block << " went back";
      changed += version != before[block];
      before[block] = version;
      diary.issued[block] = diary.acknowledged[block] = version;
    }
  }
  EXPECT_GT(changed, 1000u);
  munmap(shared, sizeof(Diary));
}

std::vector<StoreKind> files() {
  std::vector<StoreKind> kinds;
  for (const StoreKind& kind : all_stores()) {
    if (kind.kind == BackstoreConfig::Kind::kFile && !kind.loop_device && kind.block_size == 512) kinds.push_back(kind);
  }
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Stores, Crash, testing::ValuesIn(files()), [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace scsi::test
