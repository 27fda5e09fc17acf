// Unit tests of TransportIDs: what is read back, and what is refused at which byte.
#include "scsi_core/reservation/transport_id.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"

namespace scsi {
namespace {

using Bytes = std::vector<std::byte>;

Bytes iscsi(int format, std::string text, std::size_t additional) {
  Bytes out(4 + additional);
  out[0] = static_cast<std::byte>((format << 6) | 5);
  out[2] = static_cast<std::byte>(additional >> 8);
  out[3] = static_cast<std::byte>(additional);
  for (std::size_t i = 0; i < text.size() && i < additional; ++i) out[4 + i] = static_cast<std::byte>(text[i]);
  return out;
}

Bytes fixed(int first, std::size_t at, std::string_view name) {
  Bytes out(24);
  out[0] = static_cast<std::byte>(first);
  for (std::size_t i = 0; i < name.size(); ++i) out[at + i] = static_cast<std::byte>(name[i]);
  return out;
}

TEST(TransportIdParser, PortNameFormatGivesNodeNameAndSession) {
  const auto parsed = parse_transport_id(iscsi(1, "iqn.2026-01.a:x,i,0x00023d000001", 36));
  EXPECT_EQ(parsed.error_at, ParsedTransportId::kNone);
  EXPECT_EQ(parsed.id, (TransportId{5, "iqn.2026-01.a:x,i,0x00023d000001"}));
  EXPECT_FALSE(parsed.any_session);
  EXPECT_EQ(parsed.length, 40u);
}

TEST(TransportIdParser, NodeNameFormatMeansAnySession) {
  const auto parsed = parse_transport_id(iscsi(0, "iqn.2026-01.a:x", 20));
  EXPECT_EQ(parsed.error_at, ParsedTransportId::kNone);
  EXPECT_EQ(parsed.id, (TransportId{5, "iqn.2026-01.a:x"}));
  EXPECT_TRUE(parsed.any_session);
}

TEST(TransportIdParser, LettersBecomeLowerCaseAndSessionTwelveDigits) {
  const auto parsed = parse_transport_id(iscsi(1, "IQN.2026-01.A:x,i,0x2AB", 24));
  EXPECT_EQ(parsed.id.name, "iqn.2026-01.a:x,i,0x0000000002ab");
}

TEST(TransportIdParser, NullEndsTheNameWhateverFollows) {
  const auto parsed = parse_transport_id(iscsi(0, std::string("iqn.a\0garbage,\x01", 15), 20));
  EXPECT_EQ(parsed.error_at, ParsedTransportId::kNone);
  EXPECT_EQ(parsed.id.name, "iqn.a");
}

TEST(TransportIdParser, FixedFormatsTakeTheNameFromItsPlace) {
  struct Case {
    int protocol;
    std::size_t at;
    std::string name;
  };
  for (const Case& c : {Case{0, 8, "\x50\x01\x02\x03\x04\x05\x06\x07"}, Case{4, 8, "0123456789abcdef"},
                        Case{6, 4, "\x51\xff\x02\x03\x04\x05\x06\x07"}}) {
    const auto parsed = parse_transport_id(fixed(c.protocol, c.at, c.name));
    EXPECT_EQ(parsed.error_at, ParsedTransportId::kNone);
    EXPECT_EQ(parsed.id, (TransportId{static_cast<std::uint8_t>(c.protocol), c.name}));
    EXPECT_EQ(parsed.length, 24u);
  }
}

struct Refused {
  const char* name;
  Bytes bytes;
  std::size_t error_at;
};

class TransportIdRefused : public testing::TestWithParam<Refused> {};

TEST_P(TransportIdRefused, AtTheByteInError) {
  EXPECT_EQ(parse_transport_id(GetParam().bytes).error_at, GetParam().error_at);
}

Bytes truncated(Bytes bytes, std::size_t length) {
  bytes.resize(length);
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    Table, TransportIdRefused,
    testing::Values(
        Refused{"Empty", {}, 0}, Refused{"Short", truncated(fixed(0, 8, "12345678"), 23), 0},
        Refused{"ParallelScsi", fixed(1, 8, ""), 0}, Refused{"Ieee1394", fixed(3, 8, ""), 0},
        Refused{"PciExpress", fixed(10, 8, ""), 0}, Refused{"NoProtocol", fixed(15, 8, ""), 0},
        Refused{"FibreChannelFormat1", fixed(0x40, 8, "12345678"), 0},
        Refused{"IscsiFormat2", iscsi(2, "iqn.a", 20), 0}, Refused{"IscsiFormat3", iscsi(3, "iqn.a", 20), 0},
        Refused{"AdditionalLengthBelow20", truncated(iscsi(0, "iqn.a", 16), 24), 2},
        Refused{"AdditionalLengthNotMultipleOf4", truncated(iscsi(0, "iqn.a", 22), 28), 2},
        Refused{"AdditionalLengthBeyondTheBytes", truncated(iscsi(0, "iqn.a", 24), 24), 2},
        Refused{"AdditionalLength65535",
                [] {
                  Bytes bytes = iscsi(1, "iqn.a,i,0x1", 20);
                  bytes[2] = bytes[3] = std::byte{0xff};
                  return bytes;
                }(),
                2},
        Refused{"NodeNameWithoutNull", iscsi(0, "iqn.2026-01.abcdefgh", 20), 23},
        Refused{"PortNameWithoutNull", iscsi(1, "iqn.2026-01.ab,i,0x1", 20), 23},
        Refused{"NoSeparatorAndNoNull", iscsi(1, "iqn.2026-01.abcdefgh", 20), 23},
        Refused{"NoSeparator", iscsi(1, "iqn.2026-01.abc", 20), 19},
        Refused{"SeparatorAtTheVeryEnd", iscsi(1, "iqn.2026-01.abc,i,0x", 20), 23},
        Refused{"SeparatorThenNull", iscsi(1, "iqn.2026-01.ab,i,0x", 20), 23},
        Refused{"SeparatorBroken", iscsi(1, "iqn.2026-01.ab,t,0x", 20), 18},
        Refused{"SeparatorCut", iscsi(1, "iqn.2026-01.abcdef,", 20), 22},
        Refused{"SessionNotHexadecimal", iscsi(1, "iqn.2026-01.a,i,0x1g", 24), 22},
        Refused{"SessionOf13Digits", iscsi(1, "iqn.a,i,0x1234567890123", 24), 14},
        Refused{"TwoSeparators", iscsi(1, "iqn.a,i,0x1,i,0x2", 20), 14},
        Refused{"SessionInNodeNameFormat", iscsi(0, "iqn.a,i,0x1", 20), 9}, Refused{"EmptyName", iscsi(0, "", 20), 4},
        Refused{"EmptyNameWithSession", iscsi(1, ",i,0x1", 20), 4}, Refused{"SpaceInName", iscsi(0, "iqn. a", 20), 8},
        Refused{"ControlCharacterInName", iscsi(0, "iqn\na", 20), 7},
        Refused{"NameOf224Bytes", iscsi(0, std::string(224, 'a'), 228), 4 + 223}),
    [](const auto& given) { return given.param.name; });

TEST(TransportIdParser, NameOf223BytesIsTheLongest) {
  const auto parsed = parse_transport_id(iscsi(0, std::string(223, 'a'), 224));
  EXPECT_EQ(parsed.error_at, ParsedTransportId::kNone);
  EXPECT_EQ(parsed.id.name.size(), 223u);
}

TEST(TransportIdParser, CutAtAnyByteIsRefused) {
  for (const Bytes& whole : {iscsi(1, "iqn.2026-01.a:x,i,0x00023d000001", 36), fixed(4, 8, "0123456789abcdef")}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_NE(parse_transport_id(std::span(whole).first(length)).error_at, ParsedTransportId::kNone) << length;
    }
  }
}

TEST(TransportIdParser, ErrorLiesInsideWhatWasGiven) {
  base::SeededRandom random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = iscsi(static_cast<int>(random.below(2)), "iqn.2026-01.a:x,i,0x00023d000001", 36);
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
    }
    const auto parsed = parse_transport_id(bytes);
    if (parsed.error_at != ParsedTransportId::kNone) {
      EXPECT_LT(parsed.error_at, bytes.size());
    } else {
      EXPECT_LE(parsed.length, bytes.size());
    }
  }
}

TEST(TransportIdEncoder, WhatIsEncodedIsReadBack) {
  const TransportId ids[] = {{5, "iqn.a,i,0x000000000001"},
                             {5, std::string(223, 'n') + ",i,0xffffffffffff"},
                             {0, std::string("\x50\0\0\0\0\0\0\x01", 8)},
                             {4, std::string(16, '\xfe')},
                             {6, std::string(8, '\x11')}};
  for (const TransportId& id : ids) {
    const Bytes bytes = encode_transport_id(id);
    EXPECT_GE(bytes.size(), 24u);
    EXPECT_EQ(bytes.size() % 4, 0u);
    const auto parsed = parse_transport_id(bytes);
    EXPECT_EQ(parsed.error_at, ParsedTransportId::kNone);
    EXPECT_EQ(parsed.id, id);
    EXPECT_EQ(parsed.length, bytes.size());
  }
}

TEST(TransportIdEncoder, NameIsAlwaysNullTerminatedAndPadded) {
  for (std::size_t size = 1; size < 40; ++size) {
    const Bytes bytes = encode_transport_id({5, std::string(size, 'x') + ",i,0x000000000001"});
    EXPECT_EQ(bytes.back(), std::byte{0});
    EXPECT_EQ(parse_transport_id(bytes).error_at, ParsedTransportId::kNone) << size;
  }
}

TEST(TransportIdName, NodeNameIsWithoutSession) {
  EXPECT_EQ(node_name({5, "iqn.a,i,0x000000000001"}), "iqn.a");
  EXPECT_EQ(node_name({0, "12,45678"}), "12,45678");
}

}  // namespace
}  // namespace scsi
