// Protection information by the entries of both roles: inserted, removed, carried along, and found wrong.
#include "emu/qla/protection.h"

#include <numeric>

#include "hal/port/fc_frame.h"
#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/logged_in.h"

namespace emu::qla {
namespace {

using Context = wire::CrcContext;
using Flags = wire::CtioFlags;
constexpr std::uint32_t kBlock = 512, kBlocks = 3, kFirst = 0x1000;  // the reference tag of the first block
constexpr std::uint32_t kPlain = kBlock * kBlocks, kProtected = (kBlock + 8) * kBlocks;
// In the memory of each host.
constexpr std::uint32_t kContext = 0x20000, kTuples = 0x21000, kLists = 0x22000, kCmnd = 0x23000;
using Blocks = std::array<std::uint8_t, kPlain>;
using Tuples = std::array<ProtectionTuple, kBlocks>;

TEST(QlaProtection, GuardIsTheCrcOfT10) {
  const auto digits = std::as_bytes(std::span("123456789", 9));
  EXPECT_EQ(protection_guard(digits, 0), 0xD0DB);
  EXPECT_EQ(protection_guard(digits.subspan(4), protection_guard(digits.first(4), 0)), 0xD0DB);  // a seed goes on
}

Blocks pattern() {
  Blocks blocks;
  std::iota(blocks.begin(), blocks.end(), std::uint8_t{3});
  return blocks;
}
Tuples tuples_of(const Blocks& blocks) {
  Tuples tuples;
  for (std::uint32_t i = 0; i < kBlocks; ++i)
    tuples[i] = {protection_guard(std::as_bytes(std::span(blocks)).subspan(i * kBlock, kBlock), 0), std::uint16_t{0},
                 kFirst + i};
  return tuples;
}

struct Protected : LoggedIn {
  Protected() : LoggedIn(5, isp2031()) {}
  // Data in lists of two segments each, the tuples, where they are apart, in one.
  std::uint64_t context(MiniHost& host, std::uint16_t options, std::uint32_t reference = kFirst) {
    Context context{};
    context.reference_tag = reference;
    context.reference_tag_mask.fill(0xFF);
    context.options = options;
    context.block_size = static_cast<std::uint16_t>(kBlock);
    context.byte_count = kPlain;
    const std::uint32_t half = kPlain / 2;
    const std::array<wire::DataSegment, 3> data = {
        wire::DataSegment{host.at(MiniHost::kData), half}, {host.at(MiniHost::kData) + half, half}, {0, 0}};
    host.put(kLists, data);
    context.data = {host.at(kLists), sizeof data};
    if (Context::Bundled::get(options)) {
      context.segment_count = 2;
      context.protection_byte_count = kBlocks * 8;
      const std::array<wire::DataSegment, 2> tuples = {wire::DataSegment{host.at(kTuples), kBlocks * 8}, {0, 0}};
      host.put(kLists + 0x100, tuples);
      context.protection = {host.at(kLists + 0x100), sizeof tuples};
    }
    host.put(kContext, context);
    return host.at(kContext);
  }
  void post_command(std::uint16_t mode, bool write) {
    auto entry = MiniHost::make<wire::CommandCrc2>(wire::EntryType::kCommandCrc2, 0x31);
    hal::fc::FcpCmnd cmnd;
    cmnd.cdb[0] = write ? 0x2A : 0x28;
    cmnd.additional_length = write ? 1 : 2;
    cmnd.data_length = kProtected;
    a.put(kCmnd, cmnd);
    entry.nport = handle;
    entry.port_id = target_id;
    entry.byte_count = kProtected;
    entry.segment_count = 2;
    entry.flags = static_cast<std::uint16_t>((write ? 1 : 2) | wire::Command7::SegmentList::of(true) |
                                             wire::CommandCrc2::ProtectionSegments::of(Context::Bundled::get(mode)));
    entry.fcp_cmnd_address = a.at(kCmnd);
    entry.fcp_cmnd_length = sizeof cmnd;
    entry.context_address = context(a, mode);
    entry.context_length = sizeof(Context);
    a.post(entry);
    run();
  }
  void post_ctio(std::uint16_t mode, bool to_initiator, std::uint32_t reference = kFirst) {
    const auto atio = b.atio<wire::Atio7>(wire::EntryType::kAtio7);
    ASSERT_TRUE(atio.has_value());
    received = *atio;
    auto entry = std::bit_cast<wire::CtioCrc2>(
        ctio(*atio, static_cast<std::uint16_t>(Flags::SegmentList::of(true) |
                                               (to_initiator ? Flags::DataIn::of(true) : Flags::DataOut::of(true)))));
    entry.head.type = static_cast<std::uint8_t>(wire::EntryType::kCtioCrc2);
    entry.segment_count = 2;
    entry.transfer_length = kProtected;
    entry.context_address = context(b, mode, reference);
    entry.add_flags = Context::Bundled::get(mode) ? wire::kCtioProtectionSegments : std::uint8_t{0};
    entry.context_length = sizeof(Context);
    b.post(entry);
    run();
  }
  wire::CtioCrc2Done ctio_done() {
    const auto done = b.response<wire::CtioCrc2Done>(wire::EntryType::kCtioCrc2);
    EXPECT_TRUE(done.has_value());
    return done.value_or(wire::CtioCrc2Done{});
  }
  void post_status() {
    b.post(ctio(received, 0x8040));
    run();
  }
  wire::Atio7 received{};
};

constexpr std::uint16_t kBundledPass = 0x0100 | wire::kProtectionPass;

TEST(QlaProtection, ReadInsertedByTheTargetIsCarriedToTheInitiatorsMemory) {
  Protected world;
  world.b.put(MiniHost::kData, pattern());
  world.post_command(kBundledPass, false);
  world.post_ctio(wire::kProtectionInsert, true);
  EXPECT_EQ(world.ctio_done().status, static_cast<std::uint16_t>(wire::CtioStatus::kOk));
  world.post_status();
  const auto status = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->completion, 0);
  EXPECT_EQ(world.a.get<Blocks>(MiniHost::kData), pattern());
  const auto expected = tuples_of(pattern()), found = world.a.get<Tuples>(kTuples);
  EXPECT_EQ(std::memcmp(&found, &expected, sizeof found), 0);
}

TEST(QlaProtection, WriteInsertedByTheInitiatorIsRemovedByTheTarget) {
  Protected world;
  world.a.put(MiniHost::kData, pattern());
  world.post_command(wire::kProtectionInsert, true);
  world.post_ctio(wire::kProtectionRemove, false);
  EXPECT_EQ(world.ctio_done().status, static_cast<std::uint16_t>(wire::CtioStatus::kOk));
  EXPECT_EQ(world.b.get<Blocks>(MiniHost::kData), pattern());
}

TEST(QlaProtection, TargetFindsAWrongReferenceTag) {
  Protected world;
  world.a.put(MiniHost::kData, pattern());
  world.post_command(wire::kProtectionInsert, true);
  world.post_ctio(wire::kProtectionRemove, false, kFirst + 7);
  const auto done = world.ctio_done();
  EXPECT_EQ(done.status, static_cast<std::uint16_t>(wire::CtioStatus::kDifError));
  const auto actual = std::bit_cast<ProtectionTuple>(done.actual),
             expected = std::bit_cast<ProtectionTuple>(done.expected);
  EXPECT_EQ(actual.reference, kFirst);
  EXPECT_EQ(expected.reference, kFirst + 7);
  EXPECT_EQ(actual.guard, expected.guard);
  world.post_status();  // the exchange lives: the target says what it thinks of that
  EXPECT_TRUE(world.a.response<wire::Status>(wire::EntryType::kStatus).has_value());
}

TEST(QlaProtection, InitiatorFindsAWrongGuardInItsOwnMemory) {
  Protected world;
  auto tuples = tuples_of(pattern());
  tuples[1].guard = 0xBAD1;
  world.a.put(MiniHost::kData, pattern());
  world.a.put(kTuples, tuples);
  world.post_command(kBundledPass, true);
  world.post_ctio(wire::kProtectionRemove, false);
  world.run(std::chrono::seconds(3));
  const auto abort = world.b.response<wire::AbtsReceived>(wire::EntryType::kAbtsReceived);
  EXPECT_TRUE(abort.has_value()) << "the transfer ends on the wire too";
}

TEST(QlaProtection, ContextsThatContradictThemselvesAreRefused) {
  Protected world;
  world.b.put(MiniHost::kData, pattern());
  const std::pair<std::uint16_t, const char*> kWrong[] = {
      {4, "unknown mode"},
      {wire::kProtectionPass | 0x0040, "reserved options"},
      {wire::kProtectionReplace | 0x3000, "replaces nothing"},
  };
  for (const auto& [options, what] : kWrong) {
    {
      ExpectLog expect(what);
      world.post_command(options, false);
    }
    const auto refused = world.a.response<wire::CommandCrc2>(wire::EntryType::kCommandCrc2);
    ASSERT_TRUE(refused.has_value()) << what;
    EXPECT_EQ(refused->head.status, wire::kEntryBadParameter);
  }
}

TEST(QlaProtection, TagsAreReplacedUnderTheMaskOnTheirWay) {
  Protected world;
  auto tuples = tuples_of(pattern());
  for (auto& tuple : tuples) tuple.application = 0x5151;
  world.a.put(MiniHost::kData, pattern());
  world.a.put(kTuples, tuples);
  world.post_command(kBundledPass | 0x4000, true);  // its application tag is not checked
  constexpr std::uint16_t kKeepApplication = 0x1000;
  world.post_ctio(static_cast<std::uint16_t>(0x0100 | wire::kProtectionReplace | kKeepApplication | 0x4000), false,
                  0x7000'0000);
  EXPECT_EQ(world.ctio_done().status, static_cast<std::uint16_t>(wire::CtioStatus::kOk));
  const auto arrived = world.b.get<Tuples>(kTuples);
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    EXPECT_EQ(arrived[i].guard, tuples[i].guard);
    EXPECT_EQ(arrived[i].application, 0x5151);
    EXPECT_EQ(arrived[i].reference, 0x7000'0000 + i);
  }
  world.post_status();
}

TEST(QlaProtection, OlderChipKnowsNoProtectedEntries) {
  LoggedIn world;
  ExpectLog expect("request of type 6a");
  world.a.post(MiniHost::make<wire::CommandCrc2>(wire::EntryType::kCommandCrc2, 1));
  world.run();
}

}  // namespace
}  // namespace emu::qla
