// T10 protection information by the later chips: the driver's CTIOs of type CRC 2 against an adapter in memory of which
// the models know nothing (tests/support/loop_protection.h).
#include <gtest/gtest.h>

#include <cstring>

#include "tests/model/qla/world.h"
#include "tests/support/loop_protection.h"

namespace model_test {
namespace {

using hal::ProtectionTransfer;
using Mode = ProtectionTransfer::Mode;
constexpr std::uint32_t kBlock = 512, kBlocks = 21, kBytes = kBlock * kBlocks, kLba = 40, kAt = kLba * kBlock;

struct ProtectionTest : testing::TestWithParam<std::uint64_t> {
  World world{GetParam(), World::small(), emu::qla::isp2071()};

  void SetUp() override {
    world.start();
    world.log_in();
    ASSERT_TRUE(world.port->queues()[0]->offloads_protection());
    for (std::size_t i = 0; i < kBytes; ++i) data()[i] = static_cast<std::byte>(i * 31 + i / 512);
  }
  void TearDown() override { EXPECT_EQ(world.pci.faults(), 0u); }

  std::span<std::byte> data() { return world.user->memory().subspan(kAt, kBytes); }
  std::span<std::byte> information() { return world.user->information().subspan(kLba * 8, kBlocks * 8); }
  static hal::DmaSpan span(std::span<std::byte> bytes) { return {bytes, {}}; }
  // What the port is asked to do, with all checks.
  ProtectionTransfer& ask(Mode mode) {
    ProtectionTransfer transfer;
    transfer.mode = mode;
    transfer.check_guard = transfer.check_reference = true;
    transfer.reference_tag = kLba;
    return world.user->protection.emplace(transfer);
  }
  // Makes the information of the disk right.
  void make_information() {
    auto transfer = *world.user->protection;
    transfer.mode = Mode::kInsert;
    const hal::DmaSpan there = span(information()), from = span(data());
    transfer.segments = {&there, 1};
    std::vector<std::byte> copy(data().begin(), data().end());
    ASSERT_FALSE(test_support::from_wire(transfer, copy, {&from, 1}));
  }
  // What the wire should have for the disk as it is.
  std::vector<std::byte> wire() {
    auto transfer = *world.user->protection;
    const hal::DmaSpan there = span(information()), from = span(data());
    transfer.segments = {&there, 1};
    std::vector<std::byte> bytes;
    EXPECT_FALSE(test_support::to_wire(transfer, {&from, 1}, bytes));
    return bytes;
  }
  emu::fc::Station::Io& read(std::uint32_t length) {
    auto& io = world.io(false, kAt, length);
    EXPECT_TRUE(world.until([&] { return io.ended != 0 && world.user->idle(); })) << world.port->dump("rings");
    return io;
  }
  emu::fc::Station::Io& write(const std::vector<std::byte>& bytes) {
    auto& io = world.io(true, kAt, static_cast<std::uint32_t>(bytes.size()));
    io.data = bytes;
    EXPECT_TRUE(world.until([&] { return io.ended != 0 && world.user->idle(); })) << world.port->dump("rings");
    return io;
  }
  static unsigned status(const emu::fc::Station::Io& io) {
    return io.response.size() > 11 ? std::to_integer<unsigned>(io.response[11]) : 0xff;
  }
  static std::array<std::uint8_t, 8> bytes_of(const hal::ProtectionTuple& tuple) {
    return std::bit_cast<std::array<std::uint8_t, 8>>(tuple);
  }
  void expect_fault(std::size_t from, std::size_t end) {
    EXPECT_EQ(world.user->protection_faults, 1);
    const auto actual = bytes_of(world.user->fault.actual), expected = bytes_of(world.user->fault.expected);
    for (std::size_t i = 0; i < 8; ++i) {
      EXPECT_TRUE((i >= from && i < end) || actual[i] == expected[i]) << i;
    }
    EXPECT_NE(actual, expected);
    EXPECT_EQ(world.counter(qla::Count::kProtectionFaults), 1u);
    EXPECT_EQ(world.counter(qla::Count::kFailedTransfers), 0u);
    world.user->protection.reset();
    world.expect_io();
  }
};

TEST_P(ProtectionTest, IsCarriedBothWays) {
  ask(Mode::kPass);
  make_information();
  const auto& io = read(kBlocks * 520);
  EXPECT_EQ(status(io), 0u);
  EXPECT_EQ(io.data, wire());
  auto other = io.data;
  for (std::size_t block = 0; block < kBlocks; ++block) other[block * 520 + 515] = std::byte{0x77};  // application tag
  EXPECT_EQ(status(write(other)), 0u);
  EXPECT_EQ(wire(), other);
}

TEST_P(ProtectionTest, IsInsertedIntoMemory) {
  ProtectionTransfer& transfer = ask(Mode::kInsert);
  transfer.application_tag = 0x1234;
  make_information();
  const std::vector<std::byte> wanted(information().begin(), information().end());
  std::vector<std::byte> bytes(data().begin(), data().end());
  std::memset(information().data(), 0xee, information().size());
  std::memset(data().data(), 0, data().size());
  EXPECT_EQ(status(write(bytes)), 0u);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), data().begin()));
  EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), information().begin()));
}

TEST_P(ProtectionTest, IsStrippedOnTheWay) {
  ask(Mode::kStrip);
  make_information();
  const auto& io = read(kBytes);
  EXPECT_EQ(status(io), 0u);
  EXPECT_TRUE(std::equal(data().begin(), data().end(), io.data.begin(), io.data.end()));
}

TEST_P(ProtectionTest, WrongGuardInMemoryIsFoundBeforeTheStatus) {
  for (const Mode mode : {Mode::kPass, Mode::kStrip}) {
    ask(mode);
    make_information();
    information()[8 * 17] ^= std::byte{0x40};
    EXPECT_EQ(status(read(mode == Mode::kPass ? kBlocks * 520 : kBytes)), 2u);
    if (mode == Mode::kStrip) return;
    expect_fault(0, 2);
    world.user->protection_faults = 0;
  }
}

TEST_P(ProtectionTest, WrongReferenceTagFromTheWireIsFound) {
  ask(Mode::kPass);
  make_information();
  auto bytes = wire();
  bytes[13 * 520 + 519] ^= std::byte{1};
  EXPECT_EQ(status(write(bytes)), 2u);
  const auto expected = bytes_of(world.user->fault.expected);
  EXPECT_EQ(expected[7], kLba + 13) << "which block it was";
  expect_fault(4, 8);
}

TEST_P(ProtectionTest, WhatIsNotToBeCheckedIsNot) {
  ProtectionTransfer& transfer = ask(Mode::kPass);
  transfer.check_guard = transfer.check_reference = false;
  make_information();
  auto bytes = wire();
  bytes[512] ^= std::byte{1};
  bytes[519] ^= std::byte{1};
  EXPECT_EQ(status(write(bytes)), 0u);
  EXPECT_EQ(wire(), bytes);
  EXPECT_EQ(read(kBlocks * 520).data, bytes);
}

TEST_P(ProtectionTest, EscapesAndApplicationTags) {
  ProtectionTransfer& transfer = ask(Mode::kPass);
  make_information();
  auto bytes = wire();
  bytes[512] ^= std::byte{1};
  bytes[514] = bytes[515] = std::byte{0xff};
  EXPECT_EQ(status(write(bytes)), 0u) << "not checked";
  transfer.escape_is_of_both = true;
  EXPECT_EQ(status(write(bytes)), 2u);
  for (std::size_t i = 516; i < 520; ++i) bytes[i] = std::byte{0xff};
  EXPECT_EQ(status(write(bytes)), 0u) << "of both tags";
  transfer.check_application = true;
  transfer.application_tag = 0x5a00;
  transfer.application_tag_mask = 0xff00;
  EXPECT_EQ(status(write(bytes)), 2u) << "the second block has another";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ProtectionTest, testing::Range<std::uint64_t>(1, 6));

TEST(ProtectionOffload, OlderChipDoesNotOfferIt) {
  World world;
  world.start();
  EXPECT_FALSE(world.port->queues()[0]->offloads_protection());
}

}  // namespace
}  // namespace model_test
