// Unit tests of the PDU framer and the digests.
#include "drivers/soft/tcp/receiver.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/random.h"
#include "drivers/soft/tcp/crc32c.h"

namespace soft::tcp {
namespace {

using hal::iscsi::BasicHeader;
using Bytes = std::vector<std::byte>;

void append(Bytes& to, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  to.insert(to.end(), bytes, bytes + size);
}

Bytes make_pdu(std::uint8_t opcode, std::uint8_t ahs_words, std::size_t data_size, bool hd, bool dd) {
  BasicHeader header;
  header.opcode = opcode;
  header.total_ahs_length = ahs_words;
  header.data_segment_length = static_cast<std::uint32_t>(data_size);
  Bytes pdu;
  append(pdu, &header, sizeof header);
  for (int i = 0; i < ahs_words * 4; ++i) pdu.push_back(std::byte(i));
  const auto add_digest = [&](std::size_t from) {
    Crc32c crc;
    crc.add(std::span(pdu).subspan(from));
    const base::le32 digest = crc.digest();
    append(pdu, &digest, sizeof digest);
  };
  if (hd) add_digest(0);
  const std::size_t data_at = pdu.size();
  for (std::size_t i = 0; i < data_size; ++i) pdu.push_back(std::byte(i * 7));
  while ((pdu.size() - data_at) % 4 != 0) pdu.push_back(std::byte{0});
  if (dd && data_size > 0) add_digest(data_at);
  return pdu;
}

struct Sink : PduSink {
  void pdu_received(const hal::ControlPdu& pdu) override {
    std::string line = std::to_string(pdu.header.opcode) + "/" + std::to_string(pdu.ahs.size()) + "/";
    for (const std::byte b : pdu.data) line += static_cast<char>('a' + static_cast<int>(b) % 26);
    if (pdu.data_digest_error) line += "!";
    lines.push_back(line);
  }
  bool payload_begins(const hal::iscsi::DataOut&) override {
    streamed.clear();
    return stream;
  }
  std::span<std::byte> payload_place(std::uint32_t left) override { return std::span(place).first(std::min(left, 5u)); }
  void payload_arrived(std::uint32_t size) override {
    for (std::uint32_t i = 0; i < size; ++i) streamed += static_cast<char>('a' + static_cast<int>(place[i]) % 26);
  }
  void payload_ended() override { lines.push_back("5/0/" + streamed); }
  void stream_broken(hal::CloseReason reason, const BasicHeader&) override {
    lines.push_back(std::string("broken: ") + hal::close_reason_name(reason));
  }
  bool stream = false;
  std::array<std::byte, 5> place{};
  std::string streamed;
  std::vector<std::string> lines;
};

TEST(Crc32c, KnownAnswersOfRfc7143) {
  Crc32c zeros, ones;
  zeros.add(Bytes(32, std::byte{0}));
  ones.add(Bytes(32, std::byte{0xff}));
  EXPECT_EQ(std::uint32_t{zeros.digest()}, 0x8a9136aau);
  EXPECT_EQ(std::uint32_t{ones.digest()}, 0x62a8ab43u);
}

// The rule: how TCP cuts the stream changes nothing.
TEST(Receiver, EveryCutOfTheStreamGivesTheSamePdus) {
  for (const bool digests : {false, true}) {
    Bytes stream;
    for (const auto& [opcode, ahs, size] :
         {std::tuple{0x01, 0, 13}, {0x00, 0, 0}, {0x05, 0, 22}, {0x01, 3, 7}, {0x04, 1, 0}, {0x05, 0, 1}}) {
      const Bytes pdu = make_pdu(static_cast<std::uint8_t>(opcode), static_cast<std::uint8_t>(ahs),
                                 static_cast<std::size_t>(size), digests, digests);
      stream.insert(stream.end(), pdu.begin(), pdu.end());
    }
    hal::DmaPool pool(16 << 20);
    Sink whole;
    Receiver one(whole, pool);
    one.set_limits(digests, digests, 8192);
    one.consume(stream);
    ASSERT_EQ(whole.lines.size(), 6u);
    base::SeededRandom random(5);
    for (int round = 0; round < 500; ++round) {
      Sink sink;
      sink.stream = round % 2 == 0;
      Receiver receiver(sink, pool);
      receiver.set_limits(digests, digests, 8192);
      std::size_t at = 0;
      while (at < stream.size()) {
        const std::size_t part = std::min<std::size_t>(1 + random.below(round < 100 ? 3 : 90), stream.size() - at);
        std::size_t left = part;
        const auto direct = receiver.direct_place();
        if (!direct.empty()) {  // as readv would fill it
          const std::size_t here = std::min(direct.size(), left);
          std::memcpy(direct.data(), stream.data() + at, here);
          receiver.direct_arrived(here);
          left -= here;
        }
        receiver.consume(std::span(stream).subspan(at + part - left, left));
        at += part;
      }
      EXPECT_EQ(sink.lines, whole.lines) << "round " << round;
    }
  }
}

TEST(Receiver, StoppedStreamGoesOnWhereItStopped) {
  hal::DmaPool pool(16 << 20);
  Sink sink;
  Receiver receiver(sink, pool);
  Bytes stream = make_pdu(0x01, 0, 5, false, false);
  receiver.stop();
  receiver.consume(stream);
  EXPECT_TRUE(sink.lines.empty());
  receiver.resume();
  EXPECT_EQ(sink.lines.size(), 1u);
}

TEST(Receiver, HeaderDigestErrorEndsTheStream) {
  hal::DmaPool pool(16 << 20);
  Sink sink;
  Receiver receiver(sink, pool);
  receiver.set_limits(true, true, 8192);
  Bytes stream = make_pdu(0x01, 0, 5, true, true);
  stream[17] ^= std::byte{1};
  receiver.consume(stream);
  EXPECT_EQ(sink.lines, std::vector<std::string>{"broken: header digest error"});
}

TEST(Receiver, DataDigestErrorIsReportedAndTheStreamGoesOn) {
  hal::DmaPool pool(16 << 20);
  Sink sink;
  Receiver receiver(sink, pool);
  receiver.set_limits(true, true, 8192);
  Bytes stream = make_pdu(0x01, 0, 5, true, true);
  stream[54] ^= std::byte{1};
  const Bytes good = make_pdu(0x00, 0, 1, true, true);
  stream.insert(stream.end(), good.begin(), good.end());
  receiver.consume(stream);
  ASSERT_EQ(sink.lines.size(), 2u);
  EXPECT_EQ(sink.lines[0].back(), '!');
  EXPECT_NE(sink.lines[1].back(), '!');
}

// The rule: a DataSegmentLength above our MaxRecvDataSegmentLength cannot be resynchronised (F065).
TEST(Receiver, DataSegmentLongerThanDeclaredEndsTheStream) {
  hal::DmaPool pool(16 << 20);
  for (const std::size_t size : {8192u, 8193u, (1u << 24) - 1}) {
    Sink sink;
    Receiver receiver(sink, pool);
    Bytes stream = make_pdu(0x43, 0, 0, false, false);
    reinterpret_cast<BasicHeader*>(stream.data())->data_segment_length = static_cast<std::uint32_t>(size);
    receiver.consume(stream);
    EXPECT_EQ(sink.lines.size(), size > 8192 ? 1u : 0u);
  }
}

}  // namespace
}  // namespace soft::tcp
