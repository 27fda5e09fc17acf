// Unit tests of the ring of a capture and of how PDUs are cut for it.
#include "hal/port/capture.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace hal {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kLeast = 140'000;  // two of the largest pieces

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(static_cast<std::uint8_t>(i * 7 + seed));
  return bytes;
}

struct Taken {
  CaptureRecord record;
  Bytes body;
};

std::vector<Taken> drain(CaptureRing& ring) {
  std::vector<Taken> out;
  while (const CaptureRecord* const record = ring.front()) {
    const auto body = CaptureRing::body(*record);
    out.push_back({*record, Bytes(body.begin(), body.end())});
    ring.pop();
  }
  return out;
}

TEST(CaptureRing, KeepsOrderRoundItsEnd) {
  CaptureRing ring(kLeast, 1, {});
  for (unsigned i = 0; i < 500; ++i) {
    const Bytes body = pattern(i * 97 % 30'000, i);
    ring.add({{}, i, 5, static_cast<std::uint32_t>(body.size()), CaptureEvent::kSent}, body);
    if (i % 3 != 2) continue;
    const std::vector<Taken> taken = drain(ring);
    ASSERT_EQ(taken.size(), 3u);
    for (unsigned k = 0; k < 3; ++k) {
      EXPECT_EQ(taken[k].record.offset, i - 2 + k);
      EXPECT_EQ(taken[k].body, pattern((i - 2 + k) * 97 % 30'000, i - 2 + k));
    }
  }
  EXPECT_EQ(ring.lost(), 0u);
}

TEST(CaptureRing, CountsWhatFindsNoRoomAndTakesMoreAfterwards) {
  CaptureRing ring(kLeast, 1, {});
  const Bytes body = pattern(60'000, 1);
  for (int i = 0; i < 5; ++i) ring.add({{}, 0, 1, 60'000, CaptureEvent::kReceived}, body);
  EXPECT_EQ(ring.lost(), 3u);
  EXPECT_EQ(drain(ring).size(), 2u);
  ring.add({{}, 0, 1, 60'000, CaptureEvent::kReceived}, body);
  EXPECT_EQ(drain(ring).size(), 1u);
  EXPECT_EQ(ring.lost(), 3u);
}

TEST(CaptureStream, EachPduBeginsARecordAndLargeOnesHaveSeveral) {
  CaptureRing ring(1 << 20, 1, {});
  CaptureStream stream(ring, 9, CaptureEvent::kSent);
  const Bytes pdu = pattern(100'000, 3);
  stream.begin(48);
  stream.add(std::span(pdu).first(48), {});
  stream.begin(100'000);
  stream.add(std::span(pdu).first(10), {});
  stream.add(std::span(pdu).subspan(10), {});
  EXPECT_FALSE(stream.inside());
  const std::vector<Taken> taken = drain(ring);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[0].body.size(), 48u);
  EXPECT_EQ(taken[1].record.offset, 48u);
  EXPECT_EQ(taken[1].body.size(), CaptureStream::kMaxPiece);
  EXPECT_EQ(taken[2].record.offset, 48u + CaptureStream::kMaxPiece);
  EXPECT_EQ(taken[2].body.size(), 100'000 - CaptureStream::kMaxPiece);
  EXPECT_EQ(taken[2].record.connection, 9u);
}

TEST(CaptureStream, WhatIsCutGoesOnInTheNextRecord) {
  CaptureRing ring(1 << 20, 1, {});
  CaptureStream stream(ring, 9, CaptureEvent::kReceived);
  const Bytes pdu = pattern(1000, 4);
  stream.begin(1000);
  stream.add(std::span(pdu).first(300), {});
  stream.cut({});
  stream.cut({});
  stream.add(std::span(pdu).subspan(300), {});
  const std::vector<Taken> taken = drain(ring);
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].body, Bytes(pdu.begin(), pdu.begin() + 300));
  EXPECT_EQ(taken[1].body, Bytes(pdu.begin() + 300, pdu.end()));
  EXPECT_EQ(taken[1].record.offset, 300u);
}

TEST(CaptureStream, ALostPduIsAGapAndTheNextOneIsWhole) {
  CaptureRing ring(kLeast, 1, {});
  CaptureStream stream(ring, 1, CaptureEvent::kSent);
  const Bytes pdu = pattern(200'000, 5);
  stream.begin(200'000);
  stream.add(pdu, {});
  EXPECT_EQ(drain(ring).size(), 2u);
  EXPECT_EQ(ring.lost(), 1u);
  stream.begin(48);
  stream.add(std::span(pdu).first(48), {});
  const std::vector<Taken> taken = drain(ring);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].record.offset, 200'000u);
  EXPECT_EQ(taken[0].body.size(), 48u);
}

// What stays is the beginning of each PDU, at the offsets where it was.
TEST(CaptureStream, PdusAreKeptUpToTheSnapLength) {
  CaptureFilter filter;
  filter.snap = 100;
  CaptureRing ring(1 << 20, 1, filter);
  CaptureStream stream(ring, 9, CaptureEvent::kSent);
  const Bytes small = pattern(48, 2), large = pattern(150'000, 3), even = pattern(100, 4);
  for (const Bytes& pdu : {small, large, even}) {
    stream.begin(static_cast<std::uint32_t>(pdu.size()));
    stream.add(std::span(pdu).first(30), {});
    stream.add(std::span(pdu).subspan(30), {});
  }
  const std::vector<Taken> taken = drain(ring);
  std::uint64_t at = 0;
  Bytes kept;
  for (const Taken& one : taken) {
    EXPECT_EQ(one.record.offset, at);
    EXPECT_LE(one.record.size + one.record.left_out, CaptureStream::kMaxPiece);
    at += one.record.size + one.record.left_out;
    kept.insert(kept.end(), one.body.begin(), one.body.end());
  }
  EXPECT_EQ(at, 48u + 150'000u + 100u);
  Bytes wanted = small;
  wanted.insert(wanted.end(), large.begin(), large.begin() + 100);
  wanted.insert(wanted.end(), even.begin(), even.end());
  EXPECT_EQ(kept, wanted);
  ASSERT_EQ(taken.size(), 5u);  // 48; 100 and what is left out behind, in three pieces; 100
  EXPECT_EQ(taken[0].record.left_out, 0u);
  EXPECT_EQ(taken[1].record.left_out, CaptureStream::kMaxPiece - 100);
  EXPECT_EQ(taken[2].body.size(), 0u);
  EXPECT_EQ(taken[4].record.left_out, 0u);
  EXPECT_EQ(ring.lost(), 0u);
}

TEST(CaptureFilter, PortalsAndPeers) {
  EXPECT_TRUE(CaptureFilter{}.matches("127.0.0.1:3260", "127.0.0.1:5"));
  const CaptureFilter one{"192.0.2.1:3260", ""};
  EXPECT_TRUE(one.matches("192.0.2.1:3260", "192.0.2.9:5"));
  EXPECT_FALSE(one.matches("192.0.2.1:3261", "192.0.2.9:5"));
  const CaptureFilter every{"[::]:3260", "[2001:db8::7]"};
  EXPECT_TRUE(every.matches("[2001:db8::1]:3260", "[2001:db8::7]:5"));
  EXPECT_FALSE(every.matches("[2001:db8::1]:3260", "[2001:db8::8]:5"));
  EXPECT_FALSE(every.matches("[2001:db8::1]:860", "[2001:db8::7]:5"));
  const CaptureFilter session{"", "", {"192.0.2.9:5", "[2001:db8::7]:6"}};
  EXPECT_TRUE(session.matches("192.0.2.1:3260", "192.0.2.9:5"));
  EXPECT_FALSE(session.matches("192.0.2.1:3260", "192.0.2.9:6"));
}

}  // namespace
}  // namespace hal
