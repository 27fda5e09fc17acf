// Unit tests of key=value text, values and names.
#include "fabrics/iscsi/text.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "fabrics/iscsi/names.h"
#include "fabrics/iscsi/value.h"

namespace iscsi {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

struct Read {
  std::vector<std::pair<std::string, std::string>> pairs;
  TextReader::Step last{};
};

// Reads from a heap block of exactly the right size.
Read read_all(const std::string& text) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  TextReader reader(std::string_view(exact.get(), text.size()));
  Read result;
  KeyValue pair;
  while ((result.last = reader.next(pair)) == TextReader::Step::kPair) {
    result.pairs.emplace_back(pair.key, pair.value);
  }
  return result;
}

TEST(TextReader, ReadsPairsUpToTheEnd) {
  const Read read = read_all("A=1\0Longer.Key=x,y\0Empty=\0"s);
  EXPECT_EQ(read.last, TextReader::Step::kEnd);
  ASSERT_EQ(read.pairs.size(), 3u);
  EXPECT_EQ(read.pairs[0], std::pair("A"s, "1"s));
  EXPECT_EQ(read.pairs[1], std::pair("Longer.Key"s, "x,y"s));
  EXPECT_EQ(read.pairs[2], std::pair("Empty"s, ""s));
}

TEST(TextReader, ValueMayHoldEqualsSigns) { EXPECT_EQ(read_all("CHAP_R=0bAA==\0"s).pairs[0].second, "0bAA=="); }

TEST(TextReader, SkipsPaddingBetweenAndBehindPairs) {
  const Read read = read_all("A=1\0\0\0B=2\0\0\0\0"s);
  EXPECT_EQ(read.pairs.size(), 2u);
  EXPECT_EQ(read.last, TextReader::Step::kEnd);
}

TEST(TextReader, RefusesWhatIsNoPair) {
  for (const std::string& text :
       {"A=1"s, "A\0"s, "=1\0"s, "A=1\0B"s, "A B=1\0"s, "\x01=1\0"s, "A\n=1\0"s, std::string(64, 'k') + "=1\0"s}) {
    EXPECT_EQ(read_all(text).last, TextReader::Step::kMalformed) << text;
  }
  EXPECT_EQ(read_all(std::string(63, 'k') + "=1\0"s).last, TextReader::Step::kEnd);
}

TEST(TextReader, StaysAtTheEndOnceMalformed) {
  TextReader reader("A\0B=1\0"sv.substr(0, 6));
  KeyValue pair;
  EXPECT_EQ(reader.next(pair), TextReader::Step::kMalformed);
  EXPECT_EQ(reader.next(pair), TextReader::Step::kEnd);
}

TEST(TextWriter, WritesWholePairsOrNothing) {
  TextWriter writer(8);
  writer.add("A", "12");
  EXPECT_EQ(writer.text(), "A=12\0"s);
  writer.add("B", "34");
  EXPECT_FALSE(writer.fits());
  EXPECT_EQ(writer.text(), "A=12\0"s);
  writer.add("C", "");  // would fit, but the text has a hole already
  EXPECT_FALSE(writer.fits());
  EXPECT_EQ(writer.text().size(), 5u);
}

TEST(Value, ParsesNumbersInBothBases) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("262144"), 262144u);
  EXPECT_EQ(parse_number("0x1F"), 31u);
  EXPECT_EQ(parse_number("0Xff"), 255u);
  EXPECT_EQ(parse_number("18446744073709551615"), ~std::uint64_t{0});
  for (const char* const bad :
       {"", "0x", "-1", "+1", " 1", "1 ", "1a", "0xg", "18446744073709551616", "0x10000000000000000", "1,2"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
  }
}

std::string hex_of(std::size_t bytes) {
  std::string text = "0x";
  for (std::size_t i = 0; i < bytes; ++i) text += "a5";
  return text;
}

TEST(DecodeBinary, HexOfEveryLengthIsTakenOrRefusedOnLength) {
  for (std::size_t size = 0; size <= 256; ++size) {
    for (std::size_t room = 0; room <= 48; room += 16) {
      const std::unique_ptr<std::byte[]> out(new std::byte[room]);
      const auto decoded = decode_binary(hex_of(size), {out.get(), room});
      if (size == 0 || size > room) {
        EXPECT_FALSE(decoded) << size << " into " << room;
      } else {
        EXPECT_EQ(decoded, size);
        EXPECT_EQ(out[size - 1], std::byte{0xa5});
      }
    }
  }
}

TEST(DecodeBinary, OddHexDigitsAreRefused) {
  std::array<std::byte, 8> out{};
  EXPECT_FALSE(decode_binary("0xabc", out));
  EXPECT_FALSE(decode_binary("0xzz", out));
  EXPECT_FALSE(decode_binary("abcd", out));
  EXPECT_FALSE(decode_binary("1xabcd", out));
}

std::string base64_of(std::size_t bytes) {  // of bytes 0, 1, 2, ...
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = "0b";
  for (std::size_t i = 0; i < bytes; i += 3) {
    const auto at = [&](std::size_t k) { return k < bytes ? static_cast<std::uint32_t>(k & 0xff) : 0u; };
    const std::uint32_t bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int k = 0; k < 4; ++k) text += kDigits[bits >> (18 - 6 * k) & 63];
  }
  if (bytes % 3 != 0) text.replace(text.size() - (3 - bytes % 3), 3 - bytes % 3, 3 - bytes % 3, '=');
  return text;
}

TEST(DecodeBinary, Base64OfEveryLengthIsTakenOrRefusedOnLength) {
  for (std::size_t size = 0; size <= 256; ++size) {
    for (std::size_t room = 0; room <= 256; room += 32) {
      const std::unique_ptr<std::byte[]> out(new std::byte[room]);
      const auto decoded = decode_binary(base64_of(size), {out.get(), room});
      if (size == 0 || size > room) {
        EXPECT_FALSE(decoded) << size << " into " << room;
        continue;
      }
      ASSERT_EQ(decoded, size);
      for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(static_cast<std::size_t>(out[i]), i & 0xff);
    }
  }
}

TEST(DecodeBinary, Base64WithWrongCharactersOrPaddingIsRefused) {
  std::array<std::byte, 8> out{};
  for (const char* const bad : {"0bA", "0bAA", "0bAAA", "0bA===", "0bAA=A", "0b====", "0bA!AA", "0b=AAA"}) {
    EXPECT_FALSE(decode_binary(bad, out)) << bad;
  }
}

TEST(EncodeHex, IsReadBackByTheDecoder) {
  std::array<std::byte, 4> bytes = {std::byte{0}, std::byte{0x7f}, std::byte{0xff}, std::byte{0x10}};
  EXPECT_EQ(encode_hex(bytes), "0x007fff10");
  std::array<std::byte, 4> back{};
  EXPECT_EQ(decode_binary(encode_hex(bytes), back), 4u);
  EXPECT_EQ(back, bytes);
}

TEST(Names, ComeOutInLowerCaseOrNotAtAll) {
  EXPECT_EQ(normalized_name("iqn.2001-04.COM.Example:Disk"), "iqn.2001-04.com.example:disk");
  EXPECT_EQ(normalized_name("eui.02004567A425678D"), "eui.02004567a425678d");
  EXPECT_EQ(normalized_name("naa.52004567BA64678D"), "naa.52004567ba64678d");
  EXPECT_TRUE(normalized_name("iqn." + std::string(219, 'a')));
  for (const std::string& bad : {""s, "iqn."s, "disk"s, "iqn.a b"s, "iqn.a,b"s, "iqn.a\n"s, "eui.1234"s, "naa.xyz"s,
                                 "iqn." + std::string(220, 'a')}) {
    EXPECT_FALSE(normalized_name(bad)) << bad;
  }
}

TEST(Names, Wildcards) {
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("iqn.*:host?", "iqn.1993-08.org.debian:HOST1"));
  EXPECT_FALSE(matches_wildcard("iqn.*:host?", "iqn.1993-08.org.debian:host"));
  EXPECT_TRUE(matches_wildcard("*a*b*c", "xxaxxbxxbxc"));
  EXPECT_FALSE(matches_wildcard("*a*b*c", "xxaxxbxxbxcd"));
  EXPECT_FALSE(matches_wildcard(std::string(100, '*') + "b", std::string(200, 'a')));
}

TEST(Names, PortNamesAreThoseOfTheStandard) {
  EXPECT_EQ(initiator_port("iqn.a:b", {0, 2, 0x3d, 0, 0, 1}).name, "iqn.a:b,i,0x00023d000001");
  EXPECT_EQ(target_port_name("iqn.a:t", 1), "iqn.a:t,t,0x0001");
}

}  // namespace
}  // namespace iscsi
