// Unit tests of the packets that are made of captured PDUs.
#include <gtest/gtest.h>

#include <cstring>

#include "base/endian.h"
#include "ctl/capture/tcp_flows.h"

namespace ctl {
namespace {

using hal::CaptureEvent;
using Bytes = std::vector<std::byte>;

struct Flows : testing::Test {
  TcpFlows flows;
  std::vector<TcpFlows::Packet> made(CaptureEvent event, std::size_t ring, std::uint32_t connection,
                                     std::uint64_t offset, std::string_view body) {
    return flows.packets(ring, {{}, offset, connection, static_cast<std::uint32_t>(body.size()), event},
                         std::as_bytes(std::span(body)));
  }
};

std::uint32_t word_at(const Bytes& bytes, std::size_t at) {
  base::be32 word;
  std::memcpy(static_cast<void*>(&word), bytes.data() + at, sizeof word);
  return word;
}
std::uint32_t sequence(const TcpFlows::Packet& packet) { return word_at(packet.first, 24); }
std::uint32_t acknowledged(const TcpFlows::Packet& packet) { return word_at(packet.first, 28); }

// The one's complement sum of big-endian words; 0xffff where a checksum is in it and right.
std::uint32_t sum_of(const Bytes& bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

std::uint32_t tcp_sum(const TcpFlows::Packet& packet, std::size_t addresses, std::size_t size, std::size_t header) {
  Bytes tcp(packet.first.begin() + static_cast<std::ptrdiff_t>(header), packet.first.end());
  tcp.insert(tcp.end(), packet.second.begin(), packet.second.end());
  Bytes all(packet.first.begin() + static_cast<std::ptrdiff_t>(addresses),
            packet.first.begin() + static_cast<std::ptrdiff_t>(addresses + size));
  const auto length = static_cast<std::uint16_t>(tcp.size());
  for (const std::uint16_t word : {length, std::uint16_t{6}}) {
    all.push_back(std::byte(word >> 8));
    all.push_back(std::byte(word & 255));
  }
  return sum_of(tcp, sum_of(all));
}

TEST_F(Flows, AConnectionFromItsFirstByteToItsEnd) {
  const auto opened = made(CaptureEvent::kOpened, 0, 1, 0, "192.0.2.1:3260 192.0.2.9:40000");
  ASSERT_EQ(opened.size(), 3u);
  const auto asked = made(CaptureEvent::kReceived, 0, 1, 0, "four and one");
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(sequence(asked[0]), 1u);
  EXPECT_EQ(acknowledged(asked[0]), 1u);
  EXPECT_EQ(word_at(asked[0].first, 12), 0xc0000209u);
  EXPECT_EQ(word_at(asked[0].first, 20), 40000u << 16 | 3260u);
  const auto said = made(CaptureEvent::kSent, 0, 1, 0, "odd");
  EXPECT_EQ(sequence(said[0]), 1u);
  EXPECT_EQ(acknowledged(said[0]), 13u);
  const auto later = made(CaptureEvent::kSent, 0, 1, 1003, "behind a gap");
  EXPECT_EQ(sequence(later[0]), 1004u);
  const auto closed = made(CaptureEvent::kClosed, 0, 1, 0, "");
  ASSERT_EQ(closed.size(), 3u);
  EXPECT_EQ(sequence(closed[0]), 13u);
  EXPECT_EQ(sequence(closed[1]), 1016u);
  for (const auto* packets : {&opened, &asked, &said, &later, &closed}) {
    for (const auto& packet : *packets) {
      EXPECT_EQ(sum_of(Bytes(packet.first.begin(), packet.first.begin() + 20)), 0xffffu);
      EXPECT_EQ(tcp_sum(packet, 12, 8, 20), 0xffffu);
    }
  }
}

TEST_F(Flows, WhatIsLeftOutCountsInLengthsAndSequenceNumbers) {
  made(CaptureEvent::kOpened, 0, 1, 0, "192.0.2.1:3260 192.0.2.9:40000");
  const std::string_view head = "the head";
  const auto cut = flows.packets(0, {{}, 0, 1, 8, CaptureEvent::kSent, 1000}, std::as_bytes(std::span(head)));
  ASSERT_EQ(cut.size(), 1u);
  EXPECT_EQ(cut[0].second.size(), 8u);
  EXPECT_EQ(word_at(cut[0].first, 0) & 0xffff, 20u + 20u + 1008u);
  EXPECT_EQ(sum_of(Bytes(cut[0].first.begin(), cut[0].first.begin() + 20)), 0xffffu);
  const auto next = made(CaptureEvent::kReceived, 0, 1, 0, "x");
  EXPECT_EQ(acknowledged(next[0]), 1009u);
}

TEST_F(Flows, Ipv6) {
  EXPECT_TRUE(made(CaptureEvent::kContinued, 0, 1, 0, "[2001:db8::1]:3260 [2001:db8::9]:40000").empty());
  const auto said = made(CaptureEvent::kSent, 0, 1, 0, "hello");
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].first.size(), 60u);
  EXPECT_EQ(tcp_sum(said[0], 8, 32, 40), 0xffffu);
}

TEST_F(Flows, AConnectionThatMovesToAnotherReactorGoesOn) {
  made(CaptureEvent::kOpened, 0, 1, 0, "192.0.2.1:3260 192.0.2.9:40000");
  made(CaptureEvent::kReceived, 0, 1, 0, "login");
  EXPECT_TRUE(made(CaptureEvent::kOpened, 1, 1, 0, "192.0.2.1:3260 192.0.2.9:40000").empty());
  const auto said = made(CaptureEvent::kSent, 1, 1, 0, "answer");
  EXPECT_EQ(sequence(said[0]), 1u);
  EXPECT_EQ(acknowledged(said[0]), 6u);
  EXPECT_TRUE(made(CaptureEvent::kReceived, 0, 1, 5, "what its old place says").empty());
}

TEST_F(Flows, WhatHasNoBeginningIsLeftOut) {
  EXPECT_TRUE(made(CaptureEvent::kSent, 0, 3, 0, "x").empty());
  EXPECT_TRUE(made(CaptureEvent::kClosed, 0, 3, 0, "").empty());
  EXPECT_TRUE(made(CaptureEvent::kOpened, 0, 3, 0, "local peer").empty());
  EXPECT_TRUE(made(CaptureEvent::kSent, 0, 3, 0, "x").empty());
}

}  // namespace
}  // namespace ctl
