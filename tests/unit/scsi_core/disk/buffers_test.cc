// Comparing, merging and repeating over segments of any cut.
#include "scsi_core/disk/buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/random.h"

namespace scsi::disk {
namespace {

// A command whose segments are cut at the given sizes; each is an allocation of its own.
struct Cut {
  explicit Cut(std::vector<std::size_t> sizes) : command(std::make_unique<Command>()) {
    for (const std::size_t size : sizes) {
      pieces.push_back(std::make_unique<std::vector<std::byte>>(size));
      command->core.segments[command->core.segment_count++] = {*pieces.back(), {}};
      total += size;
    }
  }
  void write(const std::vector<std::byte>& bytes) {
    auto at = bytes.begin();
    for (auto& piece : pieces) {
      std::copy_n(at, piece->size(), piece->begin());
      at += static_cast<std::ptrdiff_t>(piece->size());
    }
  }
  std::vector<std::byte> read() const {
    std::vector<std::byte> bytes;
    for (const auto& piece : pieces) bytes.insert(bytes.end(), piece->begin(), piece->end());
    return bytes;
  }
  std::unique_ptr<Command> command;
  std::vector<std::unique_ptr<std::vector<std::byte>>> pieces;
  std::size_t total = 0;
};

std::vector<std::byte> random_bytes(base::SeededRandom& random, std::size_t size, std::uint64_t below = 256) {
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(below));
  return bytes;
}

const std::vector<std::vector<std::size_t>> kCuts = {{64}, {10, 54}, {32, 32}, {1, 2, 3, 58}, {33, 31}, {8, 8, 8, 40}};

TEST(DiskBuffers, FirstDifferenceIsFoundWhereverSegmentsAreCut) {
  base::SeededRandom random(1);
  for (const auto& sizes : kCuts) {
    for (std::size_t at = 0; at <= 32; ++at) {
      Cut cut(sizes);
      auto half = random_bytes(random, 32);
      auto both = half;
      both.insert(both.end(), half.begin(), half.end());
      if (at < 32) both[32 + at] ^= std::byte{1};
      if (at < 31) both[63] ^= std::byte{1};
      cut.write(both);
      EXPECT_EQ(first_difference(*cut.command, 0, 32, 32), at);
    }
  }
}

TEST(DiskBuffers, OrMergesTheSecondHalfIntoTheFirst) {
  base::SeededRandom random(2);
  for (const auto& sizes : kCuts) {
    Cut cut(sizes);
    const auto before = random_bytes(random, 64);
    cut.write(before);
    or_into(*cut.command, 0, 32, 32);
    auto expected = before;
    for (std::size_t i = 0; i < 32; ++i) expected[i] |= before[32 + i];
    EXPECT_EQ(cut.read(), expected);
  }
}

TEST(DiskBuffers, RepeatFillsWithCopiesOfTheFirstBlock) {
  base::SeededRandom random(3);
  for (const auto& sizes : kCuts) {
    Cut cut(sizes);
    const auto before = random_bytes(random, 64);
    cut.write(before);
    repeat(*cut.command, 0, 8, 0, 64);
    const auto after = cut.read();
    for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(after[i], before[i % 8]) << i;
  }
}

TEST(DiskBuffers, AllZeroSeesASingleBit) {
  for (const auto& sizes : kCuts) {
    for (std::size_t at = 0; at < 64; ++at) {
      Cut cut(sizes);
      std::vector<std::byte> bytes(64);
      bytes[at] = std::byte{0x10};
      cut.write(bytes);
      EXPECT_EQ(all_zero(*cut.command, 8, 48), at < 8 || at >= 56) << at;
    }
  }
}

}  // namespace
}  // namespace scsi::disk
