// Registers, flash, NVRAM, events and mailbox commands before there is a link.
#include <unistd.h>

#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/mini_host.h"

namespace emu::qla {
namespace {

struct Alone {
  base::ManualClock clock;
  fc::Link link{fc::LinkOptions{}};
  MiniHost host{clock, link.end(0), 0x2100001122334455};

  std::uint32_t flash(std::uint32_t dword) {
    regs::FlashAddress where;
    where.raw = regs::kFlashData + dword;
    host.bar.write(where);
    EXPECT_FALSE(host.bar.read<regs::FlashAddress>().get<regs::FlashAddress::Done>()) << "answered at once";
    EXPECT_TRUE(host.bar.read<regs::FlashAddress>().get<regs::FlashAddress::Done>());
    return host.bar.read<regs::FlashData>().raw;
  }
};

TEST(QlaRegisters, NvramHasItsNameAndSumsToZero) {
  Alone alone;
  std::uint32_t sum = 0;
  for (std::uint32_t i = 0; i < 128; ++i) sum += alone.flash(regs::kFlashNvram + i);
  EXPECT_EQ(sum, 0u);
  EXPECT_EQ(alone.flash(regs::kFlashNvram), 0x20505349u);      // "ISP "
  EXPECT_EQ(alone.flash(regs::kFlashNvram + 5), 0x11000021u);  // first half of the port name, first byte lowest
  EXPECT_EQ(alone.flash(0), 0xFFFFFFFFu);
}

TEST(QlaRegisters, FirmwareImageHasTwoSegmentsThatFollowEachOther) {
  Alone alone;
  const auto word = [&](std::uint32_t at) { return __builtin_bswap32(alone.flash(regs::kFlashFirmware + at)); };
  EXPECT_EQ(word(2), 0x100000u);
  const std::uint32_t length = word(3);
  EXPECT_EQ(word(length + 2), 0x110000u);
  EXPECT_EQ(word(4), 8u);
}

TEST(QlaRegisters, FlashIsErasedBySectorAndWrittenWhenEnabled) {
  Alone alone;
  regs::FlashData data;
  regs::FlashAddress where;
  data.raw = 0x12345678;
  alone.host.bar.write(data);
  where.raw = 0x80000000u | (regs::kFlashData + 0x60000);
  {
    ExpectLog expect("writing is not enabled");
    alone.host.bar.write(where);
  }
  EXPECT_EQ(alone.flash(0x60000), 0xFFFFFFFFu);
  regs::ControlStatus control;
  alone.host.bar.write(control.set<regs::ControlStatus::FlashWriteEnable>(true));
  alone.host.bar.write(data);
  alone.host.bar.write(where);
  EXPECT_EQ(alone.flash(0x60000), 0x12345678u);
  data.raw = 0x000018;  // byte address 180000h, reversed
  alone.host.bar.write(data);
  where.raw = 0x80000000u | (regs::kFlashConfig + 0x3D8);
  alone.host.bar.write(where);
  EXPECT_EQ(alone.flash(0x60000), 0xFFFFFFFFu);
}

TEST(QlaRegisters, MailboxSetsAreApart) {
  Alone alone;
  regs::Mailbox value;
  value.raw = 0x5555;
  alone.host.bar.write(value, 7);
  EXPECT_EQ(alone.host.mailbox_register(7), 0);
}

TEST(QlaRegisters, AccessWhereNoRegisterIsAFault) {
  Alone alone;
  struct Nowhere : hal::Reg<Nowhere, 0x14, std::uint32_t, hal::Access::kRw> {};
  ExpectLog expect("no register");
  EXPECT_EQ(alone.host.bar.read<Nowhere>().raw, 0xFFFFFFFFu);
  EXPECT_EQ(alone.host.host.faults(), 1u);
}

TEST(QlaMailbox, RomAnswersWithRomCodesAndEchoes) {
  Alone alone;
  alone.host.reset_chip();
  const auto values = alone.host.mailbox(regs::MailboxCommand::kRegisterTest, {{1, 0xAAAA}, {7, 0x2525}});
  EXPECT_EQ(alone.host.answer_code, regs::InterruptCode::kRomMailboxDone);
  EXPECT_EQ(values[0], 0x4000);
  EXPECT_EQ(values[1], 0xAAAA);
  EXPECT_EQ(values[7], 0x2525);
  EXPECT_EQ(alone.host.mailbox(regs::MailboxCommand::kFirmwareVersion)[0], 0x4001);
  EXPECT_EQ(alone.host.answer_code, regs::InterruptCode::kRomMailboxFailed);
}

TEST(QlaMailbox, FlashIsReadInBulk) {
  Alone alone;
  alone.host.reset_chip();
  const std::uint32_t address = regs::kFlashData + regs::kFlashNvram;
  const auto values = alone.host.mailbox(
      regs::MailboxCommand::kDumpRam,
      alone.host.address(
          MiniHost::kData,
          {{1, static_cast<std::uint16_t>(address)}, {8, static_cast<std::uint16_t>(address >> 16)}, {5, 128}}));
  EXPECT_EQ(values[0], 0x4000);
  const auto nvram = alone.host.get<wire::Nvram>(MiniHost::kData);
  EXPECT_EQ(std::uint64_t{std::bit_cast<base::be64>(nvram.port_name)}, 0x2100001122334455u);
}

TEST(QlaMailbox, FirmwareTellsVersionMemoryAndCounts) {
  Alone alone;
  alone.host.load();
  auto values = alone.host.mailbox(regs::MailboxCommand::kFirmwareVersion);
  EXPECT_EQ(alone.host.answer_code, regs::InterruptCode::kMailboxDone);
  EXPECT_EQ(values[1], 8);
  EXPECT_GT(std::uint32_t{values[5]} << 16 | values[4], 0x100000u);
  EXPECT_EQ(values[6], 4);
  EXPECT_EQ(values[15], 0);
  values = alone.host.mailbox(regs::MailboxCommand::kGetResourceCounts);
  EXPECT_EQ(values[1], 2048);
  EXPECT_EQ(values[11], 63);
  EXPECT_NE(alone.host.mailbox(regs::MailboxCommand::kGetTimeouts)[3], 0);
}

TEST(QlaMailbox, CommandWhileOneIsOutIsAFault) {
  Alone alone;
  alone.host.load();
  alone.host.model.lose_mailbox_answers(1);
  alone.host.start_command(0x08, {});
  alone.host.step();
  EXPECT_EQ(alone.host.answer_code, regs::InterruptCode::kRomMailboxDone) << "only that of the load before";
  ExpectLog expect("while 0008 is out");
  alone.host.mailbox(regs::MailboxCommand::kNoOperation);
}

TEST(QlaMailbox, WrongInitialisationBlockIsRefused) {
  Alone alone;
  alone.host.load();
  auto init = alone.host.init_block(MiniHost::Role::kTarget);
  init.atio_length = 0;
  {
    ExpectLog expect("no ATIO queue");
    EXPECT_EQ(alone.host.initialize(init)[0], 0x4006);
  }
  init = alone.host.init_block(MiniHost::Role::kTarget);
  init.reserved72 = 1;
  ExpectLog expect("reserved bytes");
  EXPECT_EQ(alone.host.initialize(init)[0], 0x4006);
}

TEST(QlaEvents, NothingIsSignalledWhileDisabledAndComesWhenEnabled) {
  Alone alone;
  ASSERT_TRUE(alone.host.device->set_interrupts(hal::InterruptKind::kMsi, 1).has_value());
  alone.host.load();
  alone.host.model.crash_firmware();
  alone.host.host.poll();
  EXPECT_TRUE(alone.host.bar.read<regs::InterruptStatus>().get<regs::InterruptStatus::Pending>());
  const int fd = alone.host.device->interrupt_fd(0).value();
  std::uint64_t count = 0;
  EXPECT_LT(read(fd, &count, sizeof count), 0);
  alone.host.bar.write(regs::InterruptControl{}.set<regs::InterruptControl::Enable>(true));
  EXPECT_EQ(read(fd, &count, sizeof count), 8);
  EXPECT_TRUE(alone.host.take_event());
  EXPECT_TRUE(alone.host.saw(regs::AsyncEvent::kSystemError));
  EXPECT_FALSE(alone.host.take_event());
}

TEST(QlaEvents, OneAtATimeWithMailboxesLatched) {
  Alone alone;
  alone.host.load();
  alone.host.start_command(0x08, {});
  alone.host.host.poll();
  alone.host.model.crash_firmware();
  for (int i = 0; i < 5; ++i) alone.host.host.poll();
  EXPECT_EQ(alone.host.mailbox_register(0), 0x4000);
  EXPECT_TRUE(alone.host.take_event());
  EXPECT_FALSE(alone.host.take_event()) << "the next one comes from the model's next step";
  alone.host.host.poll();
  EXPECT_TRUE(alone.host.take_event());
  EXPECT_TRUE(alone.host.saw(regs::AsyncEvent::kSystemError));
}

TEST(QlaReset, ForgetsEventsAndQueues) {
  Alone alone;
  alone.host.load();
  EXPECT_EQ(alone.host.initialize(alone.host.init_block(MiniHost::Role::kInitiator))[0], 0x4000);
  alone.host.model.crash_firmware();
  alone.host.host.poll();
  alone.host.reset_chip();
  EXPECT_FALSE(alone.host.take_event());
  EXPECT_EQ(alone.host.bar.read<regs::RequestIn>().raw, 0u);
  EXPECT_EQ(alone.host.mailbox(regs::MailboxCommand::kNoOperation)[0], 0x4000);
}

}  // namespace
}  // namespace emu::qla
