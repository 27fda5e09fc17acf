// Unit tests of base/.
#include <gtest/gtest.h>

#include <cstring>

#include "base/audit_ring.h"
#include "base/base64.h"
#include "base/bits.h"
#include "base/cursor.h"
#include "base/endian.h"
#include "base/event_ring.h"
#include "base/intrusive_list.h"
#include "base/log.h"
#include "base/log_format.h"
#include "base/random.h"
#include "base/result.h"
#include "tests/support/log_guard.h"

namespace base {
namespace {

TEST(Endian, BigEndianIntegerStoresMostSignificantByteFirst) {
  const be32 value = 0x01020304u;
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 4>>(value);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 4>{1, 2, 3, 4}));
  EXPECT_EQ(std::uint32_t{value}, 0x01020304u);
}

TEST(Endian, LittleEndianIntegerStoresLeastSignificantByteFirst) {
  const le64 value = 0x0102030405060708u;
  EXPECT_EQ((std::bit_cast<std::array<std::uint8_t, 8>>(value)[0]), 8);
}

TEST(Endian, ThreeByteIntegerKeeps24Bits) {
  const be24 value = 0xff123456u;
  EXPECT_EQ(std::uint32_t{value}, 0x123456u);
}

TEST(Base64, VectorsOfRfc4648BothWays) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [text, digits] : kVectors) {
    const auto bytes = std::as_bytes(std::span(text, std::strlen(text)));
    EXPECT_EQ(encode_base64(bytes), digits);
    std::array<std::byte, 6> out{};
    EXPECT_EQ(decode_base64(digits, out), bytes.size());
    EXPECT_EQ(std::memcmp(out.data(), text, bytes.size()), 0);
  }
  std::array<std::byte, 2> small{};
  EXPECT_FALSE(decode_base64("Zm9v", small));
  EXPECT_FALSE(decode_base64("Zg=", small));
  EXPECT_FALSE(decode_base64("Z-==", small));
}

TEST(Bits, FieldReadsAndReplacesOnlyItsBits) {
  using Field = Bits8<5, 3>;
  EXPECT_EQ(Field::get(0b11101011), 0b101);
  EXPECT_EQ(Field::set(0b11111111, 0b010), 0b11010111);
  EXPECT_EQ((Bits<std::uint32_t, 31, 0>::kMask), 0xffffffffu);
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::kInvalid, "odd");
  return value / 2;
}
Result<int> quarter(int value) { return TRY(half(TRY(half(value)))); }

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().text, "odd");
}

TEST(Cursor, ReaderNeverReadsPastTheEnd) {
  const std::array<std::byte, 3> bytes{};
  Reader reader(bytes);
  EXPECT_FALSE(reader.read<be32>().has_value());
  EXPECT_TRUE(reader.read<be16>().has_value());
  EXPECT_FALSE(reader.bytes(2).has_value());
}

TEST(Cursor, WriterCountsWhatDidNotFit) {
  std::array<std::byte, 6> out{};
  Writer writer(out);
  writer.put(be32(1));
  writer.ascii("abc", 8);
  EXPECT_EQ(writer.wanted(), 12u);
  EXPECT_EQ(writer.written(), 6u);
  EXPECT_EQ(out[5], std::byte{'b'});
  writer.patch(4, be64(~0ull));
  EXPECT_EQ(out[5], std::byte{0xff});
}

struct Item : ListHook<Item> {
  explicit Item(int v) : value(v) {}
  int value;
};

TEST(IntrusiveList, KeepsOrderAndUnlinksWithoutAllocation) {
  Item a(1), b(2), c(3);
  IntrusiveList<Item> list;
  list.push_back(b);
  list.push_front(a);
  list.push_back(c);
  list.for_each([](Item& item) {
    if (item.value == 2) item.unlink();
  });
  EXPECT_EQ(list.count(), 2u);
  EXPECT_EQ(list.pop_front()->value, 1);
  EXPECT_EQ(list.pop_front()->value, 3);
  EXPECT_TRUE(list.empty());
}

TEST(AuditRing, KeepsTheNewestEntries) {
  AuditRing<int, 4> ring;
  for (int i = 0; i < 6; ++i) ring.add(Time{}, i);
  std::vector<int> seen;
  ring.for_each([&](const auto& entry) { seen.push_back(entry.event); });
  EXPECT_EQ(seen, (std::vector<int>{2, 3, 4, 5}));
}

TEST(EventRing, KeepsTheNewestAndCutsLongSubjects) {
  EventRing<int, 4> ring;
  const std::string long_name(300, 'x');
  for (int i = 0; i < 6; ++i) ring.add(Time{}, i, i == 5 ? long_name : "peer", 10);
  EXPECT_EQ(ring.written(), 6u);
  std::vector<std::pair<int, std::string>> seen;
  ring.for_each([&](const auto& entry) { seen.emplace_back(entry.event, entry.subject()); });
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0], std::pair(2, std::string("peer")));
  EXPECT_EQ(seen[3], std::pair(5, std::string(decltype(ring)::kSubject, 'x')));
}

TEST(Random, SeededSequenceIsReproducible) {
  SeededRandom a(7), b(7);
  EXPECT_EQ(a.next(), b.next());
  std::array<std::byte, 32> one{}, two{};
  ASSERT_TRUE(secure_random(one).has_value());
  ASSERT_TRUE(secure_random(two).has_value());
  EXPECT_NE(one, two);
}

TEST(Log, PeerBytesAreEscaped) { EXPECT_EQ(escaped("a\n\x01\\", 64), "a\\x0a\\x01\\x5c"); }

TEST(Log, JsonTellsTheKindOfLineAndItsArguments) {
  const std::string peer = "10.0.0.1:5", what = "a \"quoted\\ \x01\xe4";
  const int status = 0x203;
  EXPECT_EQ(json_members("iscsi", "the whole", "{}: status {:04x}: {}", fmt::make_format_args(peer, status, what)),
            R"("logger":"iscsi","message":"the whole","event":"{}: status {}: {}",)"
            R"("arguments":["10.0.0.1:5","515","a \"quoted\\ \u0001\u00e4"])");
  EXPECT_EQ(json_members("hal", "ready", "ready", fmt::format_args()),
            R"("logger":"hal","message":"ready","event":"ready","arguments":[])");
}

TEST(Log, AnnouncedWarningIsCounted) {
  ExpectLog expect("odd thing");
  Logger("test").warn("an odd thing, {}", 1);
  EXPECT_EQ(expect.count(), 1);
}

}  // namespace
}  // namespace base
