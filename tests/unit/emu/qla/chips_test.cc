// Later chips: tables in flash, queue pages, more queues with messages of their own, indices in host memory.
#include <unistd.h>

#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/logged_in.h"

namespace emu::qla {
namespace {

using regs::CreateQueue;

// `bytes` of flash from `dword` on, read by mailbox.
template <class T>
T flash_of(MiniHost& host, std::uint32_t dword) {
  static_assert(sizeof(T) % 4 == 0);
  const std::uint32_t address = host.chip.flash.data + dword;
  const Inputs where = {{1, static_cast<std::uint16_t>(address)},
                        {8, static_cast<std::uint16_t>(address >> 16)},
                        {5, static_cast<std::uint16_t>(sizeof(T) / 4)}};
  EXPECT_EQ(host.mailbox(regs::MailboxCommand::kDumpRam, host.address(MiniHost::kData, where))[0], 0x4000);
  return host.get<T>(MiniHost::kData);
}

struct LayoutTable {
  wire::FlashLayout head;
  std::array<wire::FlashRegion, 20> regions;
};

struct AloneWith {
  explicit AloneWith(const Chip& chip) : host(clock, link.end(0), 0x2100001122334455, {}, chip) {}
  base::ManualClock clock;
  fc::Link link{fc::LinkOptions{}};
  MiniHost host;
};

class LaterChips : public testing::TestWithParam<const Chip*> {};
INSTANTIATE_TEST_SUITE_P(Qla, LaterChips, testing::Values(&isp2031(), &isp2071(), &isp2261(), &isp2271()),
                         [](const auto& at) { return std::string(at.param->name); });

TEST_P(LaterChips, RegionsInFlashSayWhereTheRestIs) {
  AloneWith alone(*GetParam());
  alone.host.reset_chip();
  const auto table = flash_of<LayoutTable>(alone.host, regs::kFlashLayout83);
  ASSERT_EQ(table.head.version, 1);
  const std::size_t count = table.head.length / sizeof(wire::FlashRegion);
  ASSERT_LE(count, table.regions.size());
  std::uint16_t sum = 0;
  std::array<base::le16, sizeof table / 2> words;
  std::memcpy(static_cast<void*>(words.data()), &table, sizeof table);
  for (std::size_t i = 0; i < (sizeof(wire::FlashLayout) + table.head.length) / 2; ++i)
    sum = static_cast<std::uint16_t>(sum + words[i]);
  EXPECT_EQ(sum, 0);
  std::uint32_t nvram = 0, firmware = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& region = table.regions[i];
    if (region.code == static_cast<std::uint16_t>(wire::RegionCode::kNvram0)) nvram = region.start / 4;
    if (region.code == static_cast<std::uint16_t>(wire::RegionCode::kFirmware)) firmware = region.start / 4;
    EXPECT_EQ(region.start + region.size - 1, region.end);
  }
  const auto burnt = flash_of<wire::Nvram>(alone.host, nvram);
  EXPECT_EQ(std::uint64_t{std::bit_cast<base::be64>(burnt.port_name)}, 0x2100001122334455u);
  EXPECT_EQ(flash_of<wire::FirmwareSegment>(alone.host, firmware).load_address, 0x100000u);
}

TEST_P(LaterChips, WindowHasNoIndices) {
  AloneWith alone(*GetParam());
  {
    ExpectLog expect("no register");
    EXPECT_EQ(alone.host.bar.read<regs::RequestIn>().raw, 0xFFFFFFFFu);
  }
  EXPECT_EQ(alone.host.pages.read<regs::PageRequestIn>(1).raw, 0u);
  ExpectLog expect("of the queue pages");
  EXPECT_EQ(alone.host.pages.window(regs::kQueuePage, regs::kQueuePage).read<regs::PageAtioIn>().raw, 0xFFFFFFFFu);
}

TEST_P(LaterChips, FlashIsErasedAndWrittenOnlyAfterItWasEnabled) {
  AloneWith alone(*GetParam());
  alone.host.load();
  const auto access = [&](regs::FlashAccess what, std::uint32_t from = 0, std::uint32_t to = 0) {
    return alone.host.mailbox(regs::MailboxCommand::kFlashAccess, {{1, static_cast<std::uint16_t>(what)},
                                                                   {2, static_cast<std::uint16_t>(from)},
                                                                   {3, static_cast<std::uint16_t>(from >> 16)},
                                                                   {4, static_cast<std::uint16_t>(to)},
                                                                   {5, static_cast<std::uint16_t>(to >> 16)}});
  };
  EXPECT_EQ(access(regs::FlashAccess::kSectorSize)[1], 0x4000);
  const std::uint32_t where = alone.host.chip.flash.data + 0x10000;
  const auto write = [&](std::uint32_t value) {
    alone.host.put(MiniHost::kData, base::le32(value));
    return alone.host.mailbox(regs::MailboxCommand::kLoadRam,
                              alone.host.address(MiniHost::kData, {{1, static_cast<std::uint16_t>(where)},
                                                                   {8, static_cast<std::uint16_t>(where >> 16)},
                                                                   {5, 1}}))[0];
  };
  {
    ExpectLog expect("while it is protected");
    EXPECT_EQ(write(0x1234), 0x4005);
  }
  EXPECT_EQ(access(regs::FlashAccess::kEraseSectors, where, where)[0], 0x4005);
  EXPECT_EQ(access(regs::FlashAccess::kWriteEnable)[0], 0x4000);
  EXPECT_EQ(write(0x1234), 0x4000);
  EXPECT_EQ(flash_of<base::le32>(alone.host, 0x10000), 0x1234u);
  EXPECT_EQ(access(regs::FlashAccess::kEraseSectors, where, where + 3)[0], 0x4000);
  EXPECT_EQ(flash_of<base::le32>(alone.host, 0x10000), 0xFFFFFFFFu);
}

// A second pair of queues of the initiator, in memory of its own.
struct SecondPair : LoggedIn {
  static constexpr std::uint32_t kRing = 16, kRequests = 0x20000, kResponses = 0x22000;
  static constexpr std::uint16_t kNumber = 3;

  explicit SecondPair(const Chip& chip) : LoggedIn(5, chip) {}
  std::uint16_t shadow() const { return CreateQueue::Shadow::of(a.chip.shadow); }
  std::uint16_t create_response(std::uint16_t options, std::uint16_t vector) {
    return a.mailbox(regs::MailboxCommand::kCreateQueue,
                     a.address(kResponses, {{1, static_cast<std::uint16_t>(options | CreateQueue::Response::of(true))},
                                            {4, kNumber},
                                            {5, kRing},
                                            {14, vector}}))[0];
  }
  std::uint16_t create_request(std::uint16_t options = 0, std::uint16_t answered_by = kNumber) {
    return a.mailbox(regs::MailboxCommand::kCreateQueue,
                     a.address(kRequests, {{1, options}, {4, kNumber}, {5, kRing}, {10, answered_by}}))[0];
  }
  void post_to_second(const wire::Command7& entry) {
    a.put(kRequests + in * 64, entry);
    regs::PageRequestIn doorbell;
    doorbell.raw = ++in;
    a.pages.write(doorbell, kNumber);
  }
  // The target answers the command that it has with a good status.
  void answer() {
    const auto atio = b.atio<wire::Atio7>(wire::EntryType::kAtio7);
    ASSERT_TRUE(atio.has_value());
    b.post(ctio(*atio, 0x8040));
    run();
  }
  std::uint32_t in = 0;
};

TEST_P(LaterChips, CommandsAreAnsweredInTheResponseQueueOfTheirOwnPair) {
  SecondPair world(*GetParam());
  EXPECT_EQ(world.create_response(world.shadow(), 0), 0x4000);
  EXPECT_EQ(world.create_request(world.shadow()), 0x4000);
  world.post_to_second(world.command(0x30001, 0, false));
  world.run();
  world.answer();
  EXPECT_FALSE(world.a.response<wire::Status>(wire::EntryType::kStatus).has_value()) << "not in the base queue";
  EXPECT_EQ(world.a.pages.read<regs::PageResponseIn>(SecondPair::kNumber).raw, 1u);
  EXPECT_EQ(world.a.pages.read<regs::PageRequestOut>(SecondPair::kNumber).raw, 1u);
  const auto status = world.a.get<wire::Status>(SecondPair::kResponses);
  EXPECT_EQ(status.head.type, static_cast<std::uint8_t>(wire::EntryType::kStatus));
  EXPECT_EQ(status.head.handle, 0x30001u);
  EXPECT_EQ(status.completion, 0);
  const std::uint32_t expected = world.a.chip.shadow ? 1 : 0;
  EXPECT_EQ(world.a.get<base::le32>(SecondPair::kRequests + SecondPair::kRing * 64), expected);
  EXPECT_EQ(world.a.get<base::le32>(SecondPair::kResponses + SecondPair::kRing * 64), expected);
}

TEST_P(LaterChips, AbortFindsTheCommandOfItsQueueOnly) {
  SecondPair world(*GetParam());
  EXPECT_EQ(world.create_response(0, 0), 0x4000);
  EXPECT_EQ(world.create_request(), 0x4000);
  world.post_to_second(world.command(0x30001, 0, false));
  world.run();
  auto abort = MiniHost::make<wire::Abort>(wire::EntryType::kAbort, 9);
  abort.nport = world.handle;
  abort.handle_to_abort = 0x30001;
  abort.port_id = world.target_id;
  world.a.post(abort);
  world.run();
  const auto done = world.a.response<wire::Abort>(wire::EntryType::kAbort);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->nport, 0x31) << "the base queue has no such command";
}

TEST_P(LaterChips, MessagesWithoutHandshakeAreNoEvents) {
  SecondPair world(*GetParam());
  ASSERT_TRUE(world.a.device->set_interrupts(hal::InterruptKind::kMsix, 4).has_value());
  regs::InterruptControl enable;
  world.a.bar.write(enable.set<regs::InterruptControl::Enable>(true));
  EXPECT_EQ(world.create_response(0, 2), 0x4000);
  EXPECT_EQ(world.create_request(), 0x4000);
  world.post_to_second(world.command(0x30001, 0, false));
  world.run();
  std::uint64_t count = 0;
  const int message = world.a.device->interrupt_fd(2).value();
  EXPECT_LT(read(message, &count, sizeof count), 0) << "nothing was answered yet";
  world.answer();
  EXPECT_EQ(read(message, &count, sizeof count), 8);
  EXPECT_FALSE(world.a.bar.read<regs::HostStatus>().get<regs::HostStatus::RiscInterrupt>());
}

TEST_P(LaterChips, QueuesThatCannotBeAreRefused) {
  SecondPair world(*GetParam());
  {
    ExpectLog expect("its response queue is not there");
    EXPECT_EQ(world.create_request(), 0x4006);
  }
  {
    ExpectLog expect("vector beyond the table");
    EXPECT_EQ(world.create_response(0, world.a.chip.identity.msix_vectors), 0x4006);
  }
  EXPECT_EQ(world.create_response(0, 1), 0x4000);
  EXPECT_EQ(world.create_request(), 0x4000);
  {
    ExpectLog expect("is there already");
    EXPECT_EQ(world.create_request(), 0x4006);
  }
  {
    ExpectLog expect("in use");
    EXPECT_EQ(world.create_response(CreateQueue::Delete::of(true), 1), 0x4006);
  }
  EXPECT_EQ(world.create_request(CreateQueue::Delete::of(true)), 0x4000);
  EXPECT_EQ(world.create_response(CreateQueue::Delete::of(true), 1), 0x4000);
  ExpectLog expect("deletes what is not there");
  EXPECT_EQ(world.create_response(CreateQueue::Delete::of(true), 1), 0x4006);
}

TEST(QlaChips, OnlyChipsThatCanKeepIndicesInHostMemory) {
  AloneWith alone(isp2031());
  alone.host.load();
  wire::InitBlock init = alone.host.init_block(MiniHost::Role::kInitiator);
  init.options2 = init.options2 | wire::InitBlock::RequestShadow::of(true);
  ExpectLog expect("keeps no index in host memory");
  EXPECT_EQ(alone.host.initialize(init)[0], 0x4006);
}

TEST(QlaChips, BaseQueuesAlsoTellTheirIndicesInHostMemory) {
  AloneWith alone(isp2071());
  alone.host.load();
  wire::InitBlock init = alone.host.init_block(MiniHost::Role::kInitiator);
  init.options2 = init.options2 | wire::InitBlock::RequestShadow::of(true) | wire::InitBlock::ResponseShadow::of(true);
  EXPECT_EQ(alone.host.initialize(init)[0], 0x4000);
  alone.host.post(MiniHost::make<wire::Marker>(wire::EntryType::kMarker, 7));
  alone.host.step();
  EXPECT_TRUE(alone.host.response<wire::Marker>(wire::EntryType::kMarker).has_value());
  EXPECT_EQ(alone.host.get<base::le32>(MiniHost::kRing * 64), 1u);
  EXPECT_EQ(alone.host.get<base::le32>(0x2000 + MiniHost::kRing * 64), 1u);
}

// The image is two segments of 16 dwords, then the template: a head and entries that end where it says.
TEST(QlaChips, TemplateForDumpsFollowsTheFirmware) {
  AloneWith alone(isp2071());
  alone.host.reset_chip();
  const std::uint32_t at = alone.host.chip.flash.firmware + 32;
  const auto prefix = flash_of<wire::TemplateHead>(alone.host, at);
  const std::uint32_t begin = at + sizeof prefix / 4;
  const auto head = flash_of<wire::DumpTemplate>(alone.host, begin);
  ASSERT_EQ(head.type, wire::kDumpTemplate);
  EXPECT_EQ(prefix.dwords, head.size / 4 + 8);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < head.size / 4; ++i) sum += flash_of<base::le32>(alone.host, begin + i);
  EXPECT_EQ((sum & 0xFFFFFFFF) + (sum >> 32), 0xFFFFFFFFu);
  std::uint32_t offset = head.entry_offset;
  wire::DumpTemplateEntry entry{};
  for (std::uint32_t i = 0; i < head.entries; ++i) {
    ASSERT_LE(offset + sizeof entry, head.size);
    entry = flash_of<wire::DumpTemplateEntry>(alone.host, begin + offset / 4);
    ASSERT_GE(entry.size, sizeof entry);
    offset += entry.size;
  }
  EXPECT_EQ(offset, head.size);
  EXPECT_EQ(entry.type, static_cast<std::uint32_t>(wire::DumpEntryType::kEnd));
}

TEST(QlaChips, LoadedFirmwareIsInMemoryEvenAfterAReset) {
  AloneWith alone(isp2071());
  alone.host.reset_chip();
  const Inputs where = {{1, 0x0010}, {8, 0x0011}, {5, 1}};
  const auto read = [&] {
    EXPECT_EQ(alone.host.mailbox(regs::MailboxCommand::kDumpRam, alone.host.address(MiniHost::kData, where))[0],
              0x4000);
    return std::uint32_t{alone.host.get<base::le32>(MiniHost::kData)};
  };
  EXPECT_EQ(read(), 0u);
  alone.host.put(MiniHost::kData, base::le32(0x12345678));
  EXPECT_EQ(alone.host.mailbox(regs::MailboxCommand::kLoadRam, alone.host.address(MiniHost::kData, where))[0], 0x4000);
  alone.host.put(MiniHost::kData, base::le32(0));
  alone.host.reset_chip();
  EXPECT_EQ(read(), 0x12345678u);
}

TEST(QlaChips, NewerOfTwoActiveImagesIsTheSecond) {
  AloneWith alone(isp2071());
  alone.host.reset_chip();
  const auto first = flash_of<wire::ImageStatus>(alone.host, alone.host.chip.flash.image_status);
  const auto second = flash_of<wire::ImageStatus>(alone.host, alone.host.chip.flash.image_status_secondary);
  EXPECT_EQ(first.signature, wire::kImageStatusSignature);
  EXPECT_EQ(first.mask & second.mask & 1, 1);
  EXPECT_LT(first.generation, second.generation);
}

}  // namespace
}  // namespace emu::qla
