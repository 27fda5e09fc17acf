// Two models on a cable whose hosts are logged in to each other, for tests of both roles.
#pragma once

#include "tests/unit/emu/qla/mini_host.h"

namespace emu::qla {

// Everything up to a finished process login from a to b.
struct LoggedIn : Pair {
  explicit LoggedIn(std::uint16_t the_handle = 5, const Chip& chip = isp2532())
      : Pair(MiniHost::Role::kInitiator, MiniHost::Role::kTarget, chip), handle(the_handle) {
    run();
    target_id = id_of(b);
    auto login = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 0x77);
    login.nport = handle;
    login.flags = wire::LogIo::Conditional::of(true);
    login.port_id = target_id;
    a.post(login);
    run();
    acknowledge(0x03);
    acknowledge(0x20);
    const auto done = a.response<wire::LogIo>(wire::EntryType::kLogIo);
    EXPECT_TRUE(done.has_value());
    if (!done) return;
    EXPECT_EQ(done->completion, 0);
    EXPECT_EQ(done->head.handle, 0x77u);
    EXPECT_NE(done->io[0] & 0x10, 0u) << "a target";
    EXPECT_NE(done->io[9], 0u) << "class 3";
  }
  static std::uint32_t id_of(MiniHost& host) {
    const auto values = host.mailbox(regs::MailboxCommand::kGetAdapterId);
    EXPECT_EQ(values[0], 0x4000);
    return std::uint32_t{values[3]} << 16 | values[2];
  }
  // The notification of an ELS in the ATIO queue, and its acknowledgement.
  void acknowledge(std::uint8_t command, bool accept = true) {
    const auto notice = b.atio<wire::ImmediateNotify>(wire::EntryType::kImmediateNotify);
    ASSERT_TRUE(notice.has_value()) << int{command};
    EXPECT_EQ(notice->status, 0x46);
    EXPECT_EQ(notice->subcode, command);
    EXPECT_FALSE(b.response<wire::NotifyAck>(wire::EntryType::kNotifyAck).has_value());
    auto ack = MiniHost::make<wire::NotifyAck>(wire::EntryType::kNotifyAck, 0x99);
    ack.nport = notice->nport;
    ack.flags = static_cast<std::uint16_t>(notice->flags | wire::NotifyAck::Reject::of(!accept));
    ack.status = notice->status;
    ack.subcode = notice->subcode;
    ack.firmware_handle = notice->firmware_handle;
    ack.exchange = notice->exchange;
    ack.vp = notice->vp;
    b.post(ack);
    run();
    const auto done = b.response<wire::NotifyAck>(wire::EntryType::kNotifyAck);
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(done->status, 1);
  }
  wire::Command7 command(std::uint32_t id, std::uint32_t bytes, bool write) {
    auto entry = MiniHost::make<wire::Command7>(wire::EntryType::kCommand7, id);
    entry.nport = handle;
    entry.port_id = target_id;
    entry.byte_count = bytes;
    entry.segment_count = bytes == 0 ? 0 : 1;
    entry.flags = bytes == 0 ? 0 : write ? 1 : 2;
    entry.cdb = {0x00, 0x00, 0x00, 0x28};  // READ(10), swapped
    entry.segment = {a.at(MiniHost::kData), bytes};
    return entry;
  }
  wire::Ctio7Mode0 ctio(const wire::Atio7& atio, std::uint16_t flags) {
    auto entry = MiniHost::make<wire::Ctio7Mode0>(wire::EntryType::kCtio7, 0x1234);
    entry.exchange = atio.exchange;
    entry.initiator = std::uint32_t{atio.header.s_id};
    entry.ox_id = std::uint16_t{atio.header.ox_id};
    entry.flags = static_cast<std::uint16_t>(
        flags | wire::CtioFlags::Attribute::of(wire::Atio7::Attribute::get(atio.attribute_length)));
    return entry;
  }
  std::uint16_t handle;
  std::uint32_t target_id = 0;
};

}  // namespace emu::qla
