// MODE SENSE and MODE SELECT on a live disk: every page, what changes follow, what is saved, who is told.
#include <filesystem>

#include "scsi_core/disk/mode_pages.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/metadata_store.h"
#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

constexpr std::uint8_t kDbd = 0x08, kLlbaa = 0x10, kPf = 0x10, kSp = 0x01;
constexpr std::uint8_t kSaved = 3;

Cdb sense_6(std::uint8_t control, std::uint8_t page, std::uint8_t subpage = 0, std::uint8_t flags = 0,
            std::uint8_t length = 255) {
  return {0x1a, flags, static_cast<std::uint8_t>(control << 6 | page), subpage, length, 0};
}
Cdb sense_10(std::uint8_t control, std::uint8_t page, std::uint8_t subpage = 0, std::uint8_t flags = 0) {
  return {0x5a, flags, static_cast<std::uint8_t>(control << 6 | page), subpage, 0, 0, 0, 0x10, 0, 0};
}
Cdb select_6(std::size_t length, std::uint8_t flags = kPf) {
  return {0x15, flags, 0, 0, static_cast<std::uint8_t>(length), 0};
}
// The current page without block descriptor: a list ready for MODE SELECT(6), PS cleared.
Bytes list_of(Bench& bench, std::uint8_t page) {
  Bytes list = bench.in(sense_6(0, page, 0, kDbd), 255).data;
  list[0] = list[2] = std::byte{0};
  list[4] &= std::byte{0x7f};
  return list;
}
// Saving goes through the metadata store's own thread: the reactor is polled until the answer is there.
Reply select(Bench& bench, const Bytes& list, std::uint8_t flags = kPf) {
  const test_support::LoopCommand& command = bench.host().send({.cdb = select_6(list.size(), flags), .out = list});
  while (!command.reply.over) bench.target().step();
  bench.target().settle();
  return command.reply;
}
// Changes bits of a page by MODE SELECT.
Reply change(Bench& bench, std::uint8_t page, std::size_t byte, int value, std::uint8_t flags = kPf) {
  Bytes list = list_of(bench, page);
  list[4 + byte] = static_cast<std::byte>(value);
  return select(bench, list, flags);
}
std::uint64_t current(Bench& bench, std::uint8_t page, std::size_t byte, std::uint8_t control = 0) {
  return number(bench.in(sense_6(control, page, 0, kDbd), 255).data, 4 + byte, 1);
}

TEST(DiskModeSense, HeadersAndBlockDescriptors) {
  Bench bench;
  Bytes data = bench.in(sense_6(0, 0x08), 255).data;
  ASSERT_EQ(data.size(), 4u + 8 + 20);
  EXPECT_EQ(number(data, 0, 4), 0x1f001008u);
  EXPECT_EQ(number(data, 4, 8), 0x00001000'00000200u);
  EXPECT_EQ(number(data, 12, 3), 0x881204u);  // PS
  data = bench.in(sense_6(0, 0x08, 0, kDbd), 255).data;
  EXPECT_EQ(number(data, 0, 4), 0x17001000u);
  data = bench.in(sense_10(0, 0x08), 4096).data;
  ASSERT_EQ(data.size(), 8u + 8 + 20);
  EXPECT_EQ(number(data, 0, 8), 0x0022001000000008u);
  data = bench.in(sense_10(0, 0x08, 0, kLlbaa), 4096).data;
  ASSERT_EQ(data.size(), 8u + 16 + 20);
  EXPECT_EQ(number(data, 0, 8), 0x002a001001000010u);
  EXPECT_EQ(number(data, 8, 8), 4096u);
  EXPECT_EQ(number(data, 20, 4), 512u);
  data = bench.in(sense_10(0, 0x08, 0, kLlbaa | kDbd), 4096).data;
  EXPECT_EQ(number(data, 0, 8), 0x001a001000000000u);
}

TEST(DiskModeSense, EveryPageInEveryWayOfAsking) {
  Bench bench;
  struct Ask {
    std::uint8_t page, subpage;
    std::size_t bytes;
  };
  const Ask asks[] = {{0x01, 0, 12},    {0x08, 0, 20},    {0x0a, 0, 12},    {0x0a, 1, 32},
                      {0x0a, 0xff, 44}, {0x1c, 0, 12},    {0x1c, 0xff, 12}, {0x3f, 0, 56},
                      {0x3f, 0xff, 88}, {0x01, 0xff, 12}, {0x3f, 1, 32}};
  for (const Ask& ask : asks) {
    for (std::uint8_t control = 0; control < 4; ++control) {
      const Bytes six = bench.in(sense_6(control, ask.page, ask.subpage, kDbd), 255).data;
      const Bytes ten = bench.in(sense_10(control, ask.page, ask.subpage, kDbd), 4096).data;
      ASSERT_EQ(six.size(), 4 + ask.bytes);
      ASSERT_EQ(ten.size(), 8 + ask.bytes);
      EXPECT_EQ(Bytes(six.begin() + 4, six.end()), Bytes(ten.begin() + 8, ten.end()));
      EXPECT_EQ(number(six, 0, 1) + 1, six.size());
      EXPECT_EQ(number(ten, 0, 2) + 2, ten.size());
    }
  }
}

TEST(DiskModeSense, UnknownPagesAndSubpagesArePointedAt) {
  Bench bench;
  for (std::uint8_t page = 0; page < 0x3f; ++page) {
    const bool known = page == 0x01 || page == 0x08 || page == 0x0a || page == 0x1c;
    for (int subpage = 0; subpage < 256; ++subpage) {
      const Reply reply = bench.in(sense_6(0, page, static_cast<std::uint8_t>(subpage)), 255);
      if (!known) {
        expect_invalid_cdb(reply, 2, 5);
        break;
      }
      if (subpage == 0 || subpage == 0xff || (page == 0x0a && subpage == 1)) {
        EXPECT_TRUE(reply.good()) << int{page} << "/" << subpage;
      } else {
        expect_invalid_cdb(reply, 3);
      }
    }
  }
}

TEST(DiskModeSense, ChangeableIsAMask) {
  Bench bench;
  EXPECT_EQ(current(bench, 0x08, 2, 1), 0x04u);
  EXPECT_EQ(current(bench, 0x0a, 2, 1), 0x04u);
  EXPECT_EQ(current(bench, 0x0a, 3, 1), 0x00u);
  EXPECT_EQ(current(bench, 0x0a, 4, 1), 0x38u);
  EXPECT_EQ(current(bench, 0x0a, 5, 1), 0x40u);
  EXPECT_EQ(current(bench, 0x1c, 2, 1), 0x00u);
}

TEST(DiskModeSelect, NothingToChangeIsGood) {
  Bench bench;
  LoopNexus& other = bench.login("iqn.2026-01.test:other");
  EXPECT_TRUE(bench.run(select_6(0)).good());
  EXPECT_TRUE(bench.out(select_6(4), Bytes(4)).good());
  for (const std::uint8_t page : opcodes({0x01, 0x08, 0x0a, 0x1c})) {
    EXPECT_TRUE(select(bench, list_of(bench, page)).good()) << int{page};
  }
  EXPECT_TRUE(bench.run(other, {0, 0, 0, 0, 0, 0}).good()) << "nothing changed, nobody is told";
}

TEST(DiskModeSelect, PageFormatIsAskedFor) {
  Bench bench;
  expect_invalid_cdb(bench.out(select_6(4, 0), Bytes(4)), 1, 4);
}

TEST(DiskModeSelect, OthersAreToldTheSenderIsNot) {
  Bench bench({}, {}, 2);
  LoopNexus& here = bench.login("iqn.2026-01.test:here");
  LoopNexus& there = bench.login("iqn.2026-01.test:there", 1);
  EXPECT_TRUE(change(bench, 0x0a, 5, 0x40).good());
  EXPECT_TRUE(bench.run({0, 0, 0, 0, 0, 0}).good());
  for (LoopNexus* nexus : {&here, &there}) {
    expect_check(bench.run(*nexus, {0, 0, 0, 0, 0, 0}), kModeParametersChanged);
    EXPECT_TRUE(bench.run(*nexus, {0, 0, 0, 0, 0, 0}).good());
  }
}

TEST(DiskModeSelect, SoftwareWriteProtectProtects) {
  Bench bench;
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x08).good());
  EXPECT_EQ(current(bench, 0x0a, 4), 0x08u);
  EXPECT_EQ(number(bench.in(sense_6(0, 0x0a), 255).data, 2, 1), 0x90u);  // WP, DPOFUA
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 0, 1), 512).good());
  EXPECT_EQ(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).sense.key, SenseKey::kDataProtect);
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x00).good());
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good());
}

TEST(DiskModeSelect, SoftwareWriteProtectAndConfigurationAddUp) {
  Bench bench;
  const auto configure = [&](bool on) {
    LuConfig config = bench.lu().config();
    config.write_protected = on;
    EXPECT_TRUE(
        bench.target().wait([&](Done done) { bench.target().core().modify_lu("disk", config, done); }).has_value());
  };
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x08).good());
  configure(true);
  configure(false);
  EXPECT_EQ(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).sense.key, SenseKey::kDataProtect) << "SWP still stands";
  configure(true);
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x00).good());
  EXPECT_EQ(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).sense.key, SenseKey::kDataProtect) << "configured so";
  configure(false);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good());
}

TEST(DiskModeSelect, DescriptorSenseChangesTheFormat) {
  Bench bench;
  EXPECT_TRUE(change(bench, 0x0a, 2, 0x04).good());
  Reply reply = bench.in(cdb_16(0x88, 0, ~0ull, 1), 512);
  EXPECT_EQ(number(reply.sense_bytes, 0, 1), 0x72u);
  expect_check(reply, kLogicalBlockAddressOutOfRange, ~0ull);  // 64 bits of INFORMATION
  EXPECT_TRUE(change(bench, 0x0a, 2, 0x00).good());
  reply = bench.in(cdb_16(0x88, 0, ~0ull, 1), 512);
  EXPECT_EQ(number(reply.sense_bytes, 0, 1), 0x70u);
  EXPECT_FALSE(sense_of(reply).has_information);
}

TEST(DiskModeSelect, WriteCacheGoesOffOnlyAfterAFlush) {
  Bench bench;
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good());
  bench.medium().requests.clear();
  EXPECT_TRUE(change(bench, 0x08, 2, 0x00).good());
  ASSERT_EQ(bench.medium().requests.size(), 1u);
  EXPECT_EQ(bench.medium().requests[0].op, StoreOp::kFlush);
  EXPECT_EQ(bench.medium().requests[0].length, 0u);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good());
  EXPECT_TRUE(bench.medium().requests.back().fua);
  EXPECT_TRUE(change(bench, 0x08, 2, 0x04).good());
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good());
  EXPECT_FALSE(bench.medium().requests.back().fua);
  EXPECT_EQ(bench.medium().requests.size(), 3u) << "going on needs no flush";
}

TEST(DiskModeSelect, WriteCacheStaysOnWhenTheFlushFails) {
  Bench bench;
  bench.medium().fail_with = StoreStatus::kFlushFailed;
  bench.medium().fail_op = StoreOp::kFlush;
  bench.medium().fail_to = 512;
  expect_check(change(bench, 0x08, 2, 0x00), kWriteError);
  EXPECT_EQ(current(bench, 0x08, 2), 0x04u);
  EXPECT_TRUE(bench.lu().flags & kLuWriteCache);
}

TEST(DiskModeSelect, GoodMeansThatTheOthersHaveBeenToldOnEveryReactor) {
  Bench bench({}, {}, 2);
  LoopNexus& there = bench.login("iqn.2026-01.test:there", 1);
  Bytes list = list_of(bench, 0x0a);
  list[4 + 5] ^= std::byte{0x40};
  const auto length = static_cast<std::uint8_t>(list.size());
  const test_support::LoopCommand& command = bench.host().send({.cdb = select_6(length), .out = std::move(list)});
  for (int round = 0; round < 100; ++round) bench.target().reactor(0).run_once();
  EXPECT_FALSE(command.reply.over) << "the other reactor has not heard of it";
  bench.target().settle();
  EXPECT_TRUE(command.reply.good());
  expect_check(bench.run(there, {0, 0, 0, 0, 0, 0}), kModeParametersChanged);
}

TEST(DiskModeSelect, InterlockKeepsAttentionsUntilRequestSense) {
  Bench bench;
  LoopNexus& other = bench.login("iqn.2026-01.test:other");
  const Cdb ready = {0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x20).good());  // UA_INTLCK_CTRL = 10b
  for (int i = 0; i < 3; ++i) expect_check(bench.run(other, ready), kModeParametersChanged);
  const Reply sense = bench.target().run(other, {.cdb = {0x03, 0, 0, 0, 18, 0}, .in = 18});
  EXPECT_EQ(number(sense.data, 12, 2), 0x2a01u);
  EXPECT_TRUE(bench.run(other, ready).good());
  EXPECT_TRUE(bench.run({0x16, 0, 0, 0, 0, 0}).good());  // RESERVE(6)
  EXPECT_EQ(bench.in(cdb_10(0x28, 0, 0, 1), 512).status, Status::kGood);
  EXPECT_EQ(bench.run(other, cdb_10(0x2f, 0, 0, 1)).status, Status::kReservationConflict);
  EXPECT_TRUE(bench.run({0x17, 0, 0, 0, 0, 0}).good());  // RELEASE(6)
  EXPECT_TRUE(bench.run(other, ready).good()) << "10b establishes nothing";
}

TEST(DiskModeSelect, InterlockTellsConflictsAgain) {
  Bench bench;
  LoopNexus& other = bench.login("iqn.2026-01.test:other");
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x30).good());  // UA_INTLCK_CTRL = 11b
  EXPECT_TRUE(bench.target().run(other, {.cdb = {0x03, 0, 0, 0, 18, 0}, .in = 18}).good());
  EXPECT_TRUE(bench.run({0x16, 0, 0, 0, 0, 0}).good());  // RESERVE(6)
  EXPECT_EQ(bench.run(other, cdb_10(0x2f, 0, 0, 1)).status, Status::kReservationConflict);
  EXPECT_EQ(number(bench.target().run(other, {.cdb = {0x03, 0, 0, 0, 18, 0}, .in = 18}).data, 12, 2), 0x2c09u);
  EXPECT_EQ(number(bench.target().run(other, {.cdb = {0x03, 0, 0, 0, 18, 0}, .in = 18}).data, 12, 2), 0u);
}

TEST(DiskModeSelect, ErrorsChangeNothing) {
  Bench bench;
  Bytes list = list_of(bench, 0x0a);
  list[4 + 5] = std::byte{0x40};
  list[4 + 3] = std::byte{0x00};  // QUEUE ALGORITHM MODIFIER is not changeable
  expect_invalid_parameter(select(bench, list), 4 + 3, 4);
  EXPECT_EQ(current(bench, 0x0a, 5), 0u);
  expect_invalid_parameter(change(bench, 0x0a, 4, 0x10), 4 + 4, 5);  // UA_INTLCK_CTRL = 01b
  list = list_of(bench, 0x08);
  list.pop_back();
  expect_check(select(bench, list), kParameterListLengthError);
  expect_check(bench.out(select_6(20), Bytes(4)), kParameterListLengthError);
}

TEST(DiskModeSelect, ResetBringsTheSavedValuesBack) {
  Bench bench;
  EXPECT_TRUE(change(bench, 0x0a, 5, 0x40, kPf | kSp).good());
  EXPECT_TRUE(change(bench, 0x0a, 4, 0x08).good());
  EXPECT_EQ(current(bench, 0x0a, 4, kSaved), 0u);
  EXPECT_EQ(current(bench, 0x0a, 5, kSaved), 0x40u);
  EXPECT_EQ(bench.target().manage(bench.host(), TaskFunction::kLogicalUnitReset), TmfResponse::kFunctionComplete);
  bench.target().clear_attentions(bench.host());
  EXPECT_EQ(current(bench, 0x0a, 4), 0u);
  EXPECT_EQ(current(bench, 0x0a, 5), 0x40u);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good()) << "SWP was not saved";
}

struct Directory {
  Directory() { std::filesystem::create_directory(path); }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path = testing::TempDir() + "disk_mode_test." + std::to_string(getpid());
};

TEST(DiskModePages, SavedValuesSurviveARestart) {
  const Directory directory;
  {
    auto store = *MetadataStore::open(directory.path);
    Bench bench({}, {}, 1, store.get());
    EXPECT_TRUE(change(bench, 0x08, 2, 0x00, kPf | kSp).good());
    EXPECT_TRUE(change(bench, 0x0a, 2, 0x04).good());  // not saved
  }
  auto store = *MetadataStore::open(directory.path);
  Bench bench({}, {}, 1, store.get());
  EXPECT_EQ(current(bench, 0x08, 2), 0u);
  EXPECT_EQ(current(bench, 0x08, 2, kSaved), 0u);
  EXPECT_EQ(current(bench, 0x0a, 2), 0u);
  EXPECT_FALSE(bench.lu().flags & kLuWriteCache);
}

TEST(DiskModePages, UnreadableRecordTurnsTheWriteCacheOff) {
  const Directory directory;
  {
    auto store = *MetadataStore::open(directory.path);
    Bench bench({}, {}, 1, store.get());
    EXPECT_TRUE(change(bench, 0x0a, 5, 0x40, kPf | kSp).good());
  }
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory.path)) {
    if (file.is_regular_file()) std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  }
  auto store = *MetadataStore::open(directory.path);
  ExpectLog expect("the saved mode pages of disk are lost");
  Bench bench({}, {}, 1, store.get());
  EXPECT_EQ(current(bench, 0x08, 2), 0u);
}

}  // namespace
}  // namespace scsi
