// The adapter's work on protection information.
#include "tests/support/loop_protection.h"

#include <gtest/gtest.h>

#include <cstring>

namespace test_support {
namespace {

using hal::ProtectionTransfer;
using Mode = ProtectionTransfer::Mode;
using Tuple = hal::ProtectionTuple;
constexpr std::size_t kTuple = sizeof(Tuple);

// Copies between the bytes at `at` of segments and `bytes`.
void move(std::span<const hal::DmaSpan> segments, std::uint64_t at, std::span<std::byte> bytes, bool into_segments) {
  for (const hal::DmaSpan& segment : segments) {
    if (at >= segment.bytes.size()) {
      at -= segment.bytes.size();
      continue;
    }
    const std::size_t part = std::min<std::size_t>(bytes.size(), segment.bytes.size() - at);
    std::byte* const there = segment.bytes.data() + at;
    std::memcpy(into_segments ? there : bytes.data(), into_segments ? bytes.data() : there, part);
    bytes = bytes.subspan(part);
    at = 0;
    if (bytes.empty()) return;
  }
  EXPECT_TRUE(bytes.empty()) << "the segments are too short";
}

std::uint16_t crc(std::span<const std::byte> block) {
  unsigned value = 0;
  for (const std::byte byte : block) {
    value ^= std::to_integer<unsigned>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) value = (value & 0x8000) != 0 ? (value << 1 ^ 0x8bb7) & 0xffff : value << 1;
  }
  return static_cast<std::uint16_t>(value);
}

Tuple made(const ProtectionTransfer& p, std::span<const std::byte> block, std::uint64_t index) {
  const auto reference = static_cast<std::uint32_t>(p.reference_tag + (p.counts ? index : 0));
  return {crc(block), p.application_tag, reference};
}

std::optional<WireFault> check(const ProtectionTransfer& p, std::span<const std::byte> block, const Tuple& tuple,
                               std::uint64_t index) {
  const bool escaped = tuple.application == 0xffff && (!p.escape_is_of_both || tuple.reference == 0xffff'ffffu);
  if (escaped) return std::nullopt;
  Tuple expected = made(p, block, index);
  const bool guard = p.check_guard && tuple.guard != expected.guard;
  const bool application =
      p.check_application && ((tuple.application ^ expected.application) & p.application_tag_mask) != 0;
  const bool reference = p.check_reference && tuple.reference != expected.reference;
  if (!guard && !application && !reference) return std::nullopt;
  if (!guard) expected.guard = tuple.guard;
  if (!application) expected.application = tuple.application;
  return WireFault{{tuple, expected}, index};
}

std::span<std::byte> bytes_of(Tuple& tuple) { return std::as_writable_bytes(std::span(&tuple, 1)); }

}  // namespace

std::optional<WireFault> to_wire(const ProtectionTransfer& p, std::span<const hal::DmaSpan> data,
                                 std::vector<std::byte>& wire) {
  EXPECT_NE(p.mode, Mode::kInsert) << "there is no such transfer";
  std::uint64_t length = 0;
  for (const hal::DmaSpan& segment : data) length += segment.bytes.size();
  EXPECT_EQ(length % p.block_size, 0u);
  std::vector<std::byte> block(p.block_size);
  for (std::uint64_t i = 0; i < length / p.block_size; ++i) {
    Tuple tuple;
    move(data, i * p.block_size, block, false);
    move(p.segments, i * kTuple, bytes_of(tuple), false);
    if (const auto fault = check(p, block, tuple, i)) return fault;
    wire.insert(wire.end(), block.begin(), block.end());
    const auto raw = bytes_of(tuple);
    if (p.mode == Mode::kPass) wire.insert(wire.end(), raw.begin(), raw.end());
  }
  return std::nullopt;
}

std::optional<WireFault> from_wire(const ProtectionTransfer& p, std::span<const std::byte> wire,
                                   std::span<const hal::DmaSpan> data) {
  EXPECT_NE(p.mode, Mode::kStrip) << "there is no such transfer";
  const std::size_t stride = p.block_size + (p.mode == Mode::kPass ? kTuple : 0);
  EXPECT_EQ(wire.size() % stride, 0u);
  for (std::uint64_t i = 0; i < wire.size() / stride; ++i) {
    std::vector<std::byte> block(wire.begin() + static_cast<std::ptrdiff_t>(i * stride),
                                 wire.begin() + static_cast<std::ptrdiff_t>(i * stride + p.block_size));
    Tuple tuple = made(p, block, i);
    if (p.mode == Mode::kPass) {
      std::memcpy(static_cast<void*>(&tuple), wire.data() + i * stride + p.block_size, kTuple);
      if (const auto fault = check(p, block, tuple, i)) return fault;
    }
    move(data, i * p.block_size, block, true);
    move(p.segments, i * kTuple, bytes_of(tuple), true);
  }
  return std::nullopt;
}

}  // namespace test_support
