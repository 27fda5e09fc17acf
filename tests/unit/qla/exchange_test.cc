// Exchanges of a port: commands in, CTIOs out, and what a wrong or hostile adapter may answer.
#include <algorithm>

#include "tests/unit/qla/port_fixture.h"

namespace qla {
namespace {

using hal::fc::DataStatus;

struct ExchangeTest : PortFixture {
  void SetUp() override {
    PortFixture::SetUp();
    bring_up();
    log_in();
    card.requests.clear();
  }
  hal::fc::Exchange& begin(std::uint32_t address, bool writes = false) {
    const std::size_t before = commands.size();
    give_atio(command(address, 4096, writes));
    run(1);
    EXPECT_EQ(commands.size(), before + 1);
    return *commands.back();
  }
  wire::Ctio7Mode0 ctio() { return request<wire::Ctio7Mode0>(wire::EntryType::kCtio7); }
  wire::Ctio7Mode1 status() { return request<wire::Ctio7Mode1>(wire::EntryType::kCtio7); }
  void answer(const wire::Ctio7Done& entry) {
    give_response(entry);
    run(1);
  }
};

TEST_F(ExchangeTest, CommandIsWhatTheInitiatorSent) {
  auto atio = command(0x55, 8192);
  atio.task_attribute = 0x2a;
  atio.command_reference_number = 9;
  give_atio(atio);
  run(1);
  ASSERT_EQ(commands.size(), 1u);
  const hal::fc::Exchange& exchange = *commands[0];
  EXPECT_EQ(exchange.login, logins[0]);
  EXPECT_EQ(exchange.ox_id, 0x55);
  EXPECT_EQ(exchange.lun[1], 7);
  EXPECT_EQ(exchange.task_attribute, 2);
  EXPECT_EQ(exchange.priority, 5);
  EXPECT_EQ(exchange.command_reference_number, 9);
  EXPECT_TRUE(exchange.reads && !exchange.writes);
  EXPECT_EQ(exchange.data_length, 8192u);
  EXPECT_EQ(exchange.cdb[0], 0x28);
  EXPECT_EQ(exchange.cdb_length, 16);
}

TEST_F(ExchangeTest, ReadGoesWithItsStatusInOneEntry) {
  queue->send_data(begin(0x55), all(true));
  run(1);
  const auto entry = ctio();
  EXPECT_EQ(entry.flags, 0x8002 | 2 << 9);
  EXPECT_EQ(entry.nport, 5);
  EXPECT_EQ(entry.initiator, kInitiator);
  EXPECT_EQ(entry.exchange, 0x55u);
  EXPECT_EQ(entry.ox_id, 0x55);
  EXPECT_EQ(entry.segment_count, 1);
  EXPECT_EQ(entry.transfer_length, medium.size());
  EXPECT_EQ(entry.segment.address, segment.iova.raw);
  answer(done(entry));
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kDone});
  EXPECT_EQ(exchanges_ended, 0u);
  answer(done(entry));  // a second time
  EXPECT_EQ(data.size(), 1u);
  EXPECT_EQ(counter(Count::kRepeatedAnswer), 1u);
}

TEST_F(ExchangeTest, ManySegmentsNeedContinuations) {
  std::vector<hal::DmaSpan> segments;
  for (std::size_t i = 0; i < 23; ++i) segments.push_back(segment.subspan(i * 512, 512));
  auto step = all(true);
  step.segments = segments;
  queue->send_data(begin(0x55), step);
  run(1);
  const auto first = ctio();
  EXPECT_EQ(first.head.count, 4);
  EXPECT_EQ(first.segment_count, 16);
  EXPECT_EQ(first.transfer_length, 16 * 512u);
  EXPECT_EQ(first.flags & 0x8000, 0);
  for (std::size_t at = 1; at < 16; at += 5) {
    const auto more = request<wire::Continuation64>(wire::EntryType::kContinuation64);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(more.segments[i].address, segments[at + i].iova.raw);
  }
  EXPECT_TRUE(card.requests.empty());
  answer(done(first));
  const auto second = ctio();
  EXPECT_EQ(second.segment_count, 7);
  EXPECT_EQ(second.relative_offset, 16 * 512u);
  EXPECT_EQ(second.flags & 0x8000, 0x8000);
  EXPECT_TRUE(data.empty());
  answer(done(second));
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kDone});
}

TEST_F(ExchangeTest, ResidualFollowsTheData) {
  auto step = all(true);
  step.residual_flags = hal::fc::ExchangeResponse::kUnder;
  step.residual = 100;
  queue->send_data(begin(0x55), step);
  run(1);
  const auto first = ctio();
  EXPECT_EQ(first.flags & 0xf1c3, 0x0002);
  answer(done(first));
  const auto second = status();
  EXPECT_EQ(second.flags & 0xf1c3, 0x8040);
  EXPECT_EQ(second.scsi_status, wire::kStatusUnder);
  EXPECT_EQ(second.residual, 100u);
  answer(done(second));
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kDone});
}

TEST_F(ExchangeTest, WriteThenGood) {
  auto& exchange = begin(0x60, true);
  queue->receive_data(exchange, all(false));
  run(1);
  const auto first = ctio();
  EXPECT_EQ(first.flags & 0xf1c3, 0x0001);
  answer(done(first));
  ASSERT_EQ(data, std::vector<DataStatus>{DataStatus::kDone});
  queue->send_response(exchange, {});
  run(1);
  const auto second = status();
  EXPECT_EQ(second.flags & 0xf1c3, 0x8040);
  answer(done(second));
  EXPECT_EQ(exchanges_ended, 1u);
}

TEST_F(ExchangeTest, WritesFollowEachOtherAndFailTogether) {
  auto& exchange = begin(0x60, true);
  for (int i = 0; i < 3; ++i) queue->receive_data(exchange, all(false));
  run(1);
  const auto first = ctio();
  EXPECT_TRUE(card.requests.empty());
  answer(done(first));
  const auto second = ctio();
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kDone});
  answer(done(second, wire::CtioStatus::kInvalidExchange));
  run(1);
  EXPECT_EQ(data, (std::vector<DataStatus>{DataStatus::kDone, DataStatus::kFailed, DataStatus::kFailed}));
  queue->drop(exchange);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
  EXPECT_TRUE(card.requests.empty());
}

TEST_F(ExchangeTest, ShortSenseInTheEntryLongSenseInMemory) {
  std::vector<std::byte> sense(18);
  for (std::size_t i = 0; i < sense.size(); ++i) sense[i] = std::byte(i);
  hal::fc::ExchangeResponse response;
  response.status = 2;
  response.sense = sense;
  queue->send_response(begin(0x61), response);
  run(1);
  const auto short_one = status();
  EXPECT_EQ(short_one.scsi_status, 2 | wire::kStatusSenseValid);
  EXPECT_EQ(short_one.sense_length, 18);
  EXPECT_EQ(short_one.data[0], 3);
  EXPECT_EQ(short_one.data[3], 0);
  EXPECT_EQ(short_one.data[19], 16);
  sense.resize(252);
  response.sense = sense;
  queue->send_response(begin(0x62), response);
  run(1);
  const auto long_one = ctio();
  EXPECT_EQ(long_one.flags & 0xf1c3, 0x8080);
  EXPECT_EQ(long_one.segment.length, 24 + 252u);
  const auto* const iu = reinterpret_cast<const std::uint8_t*>(std::uint64_t{long_one.segment.address});
  EXPECT_EQ(iu[10], 0x02);
  EXPECT_EQ(iu[11], 2);
  EXPECT_EQ(iu[19], 252);
  EXPECT_EQ(iu[24 + 17], 17);
}

TEST_F(ExchangeTest, TaskManagementIsAnsweredByCode) {
  auto atio = command(0x70, 0);
  atio.task_management = 0x10;
  atio.flags = 0;
  give_atio(atio);
  run(1);
  EXPECT_EQ(commands.at(0)->task_management_flags, 0x10);
  hal::fc::ExchangeResponse response;
  response.has_code = true;
  response.code = 5;
  queue->send_response(*commands[0], response);
  run(1);
  const auto entry = status();
  EXPECT_EQ(entry.scsi_status, wire::kStatusResponseValid);
  EXPECT_EQ(entry.response_length, 8);
  EXPECT_EQ(entry.data[0], 5);
}

TEST_F(ExchangeTest, OneDoorbellForABatch) {
  const int before = card.doorbells;
  for (std::uint32_t i = 0; i < 10; ++i) give_atio(command(0x100 + i));
  run(1);
  ASSERT_EQ(commands.size(), 10u);
  for (auto* const exchange : commands) queue->send_data(*exchange, all(true));
  run(1);
  EXPECT_EQ(card.doorbells, before + 1);
  EXPECT_EQ(card.requests.size(), 10u);
}

TEST_F(ExchangeTest, UnknownInitiatorAndClosedLoginGetBusy) {
  give_atio(command(0x80, 4096, false, 0x010900));
  run(1);
  auto entry = status();
  EXPECT_EQ(entry.scsi_status & 0xff, 0x08);
  EXPECT_EQ(entry.nport, wire::kHandleUnknown);
  EXPECT_TRUE(commands.empty());
  answer(done(entry));
  EXPECT_EQ(counter(Count::kStrayAnswers), 1u);
}

TEST_F(ExchangeTest, MoreCommandsThanSlotsGetTaskSetFull) {
  for (std::uint32_t i = 0; i < 65; ++i) {
    give_atio(command(0x100 + i));
    run(1);
  }
  EXPECT_EQ(commands.size(), 64u);
  EXPECT_EQ(status().scsi_status & 0xff, 0x28);
}

TEST_F(ExchangeTest, LongCdbInSeveralEntries) {
  auto atio = command(0x90);
  atio.attribute_length = 0x38 + 20;
  atio.count = 2;
  atio.flags = 2 | 5 << 2;  // 20 bytes more
  std::array<std::uint8_t, 64> tail{};
  for (std::uint8_t i = 0; i < 20; ++i)
    (i < 4 ? reinterpret_cast<std::uint8_t*>(&atio.data_length)[i] : tail[i - 4u]) = i;
  tail[16 + 2] = 0x30;  // FCP_DL 0x3000
  give_atio(atio);
  run(1);
  EXPECT_TRUE(commands.empty());  // the second entry is not here
  wire::Entry second;
  std::memcpy(static_cast<void*>(&second), tail.data(), 64);
  card.atio(second);
  run(1);
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0]->cdb_length, 36);
  EXPECT_EQ(commands[0]->cdb[16 + 19], 19);
  EXPECT_EQ(commands[0]->data_length, 0x3000u);
}

TEST_F(ExchangeTest, ShortCommandIsTerminated) {
  auto atio = command(0x91);
  atio.attribute_length = 0x30;
  give_atio(atio);
  auto lies = command(0x92);
  lies.flags = 2 | 63 << 2;  // more CDB than the frame holds
  give_atio(lies);
  run(1);
  EXPECT_TRUE(commands.empty());
  EXPECT_EQ(status().flags & 0x4000, 0x4000);
  EXPECT_EQ(status().flags & 0x4000, 0x4000);
  EXPECT_EQ(counter(Count::kWrongAtio), 2u);
}

TEST_F(ExchangeTest, WrongAnswersAreCountedAndIgnored) {
  auto& exchange = begin(0x93);
  queue->send_data(exchange, all(false));
  run(1);
  const auto entry = ctio();
  auto wrong = done(entry);
  wrong.exchange = 0x94;
  answer(wrong);
  EXPECT_EQ(counter(Count::kWrongExchange), 1u);
  wrong = done(entry);
  wrong.head.handle = entry.head.handle | 0x1fff;
  answer(wrong);
  EXPECT_EQ(counter(Count::kWrongHandle), 1u);
  wrong = done(entry);
  wrong.head.handle = entry.head.handle ^ (1u << 16);
  answer(wrong);
  wrong.head.handle = entry.head.handle ^ (1u << 13);
  answer(wrong);
  wrong.head.handle = entry.head.handle ^ (1u << 30);
  answer(wrong);
  EXPECT_EQ(counter(Count::kRepeatedAnswer), 3u);
  wire::Entry strange{};
  strange.head.type = 0x7f;
  give_response(strange);
  give_atio(strange);
  run(1);
  EXPECT_EQ(counter(Count::kWrongEntryType), 2u);
  EXPECT_TRUE(data.empty());
  answer(done(entry));
  EXPECT_EQ(data.size(), 1u);
}

TEST_F(ExchangeTest, FullRequestRingHoldsTransfersBack) {
  card.consumes = false;
  std::vector<hal::DmaSpan> segments;
  for (std::size_t i = 0; i < 16; ++i) segments.push_back(segment.subspan(i * 512, 512));
  auto step = all(false);
  step.segments = segments;
  for (std::uint32_t i = 0; i < 64; ++i) begin(0x100 + i);
  for (int round = 0; round < 4; ++round) {
    for (auto* const exchange : commands) queue->send_data(*exchange, step);  // 4 entries each: 1024 in all
  }
  run(4);
  for (std::uint32_t i = 0; i < 64; ++i) queue->terminate_data(*commands[i]);  // nothing was held back: no answer
  run(2);
  EXPECT_TRUE(data.empty());
  card.take_requests();
  EXPECT_EQ(card.requests.size(), 1024u);
}

TEST_F(ExchangeTest, AbortEndsTheExchangeThenAccepts) {
  auto& exchange = begin(0xa0);
  queue->send_data(exchange, all(true));
  run(1);
  const auto entry = ctio();
  wire::AbtsReceived abts{};
  abts.type = static_cast<std::uint8_t>(wire::EntryType::kAbtsReceived);
  abts.count = 1;
  abts.nport = 5;
  abts.exchange = 0xbeef;
  abts.header.s_id = kInitiator;
  abts.header.d_id = 0x010203;
  abts.header.ox_id = 0xa0;
  abts.exchange_to_abort = 0xa0;
  give_response(abts);
  run(1);
  EXPECT_EQ(aborts, 1u);
  EXPECT_TRUE(card.requests.empty());
  answer(done(entry, wire::CtioStatus::kAborted));
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kTerminated});
  queue->drop(exchange);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
  auto accept = request<wire::AbtsResponse>(wire::EntryType::kAbtsResponse);
  EXPECT_EQ(accept.header.r_ctl, 0x84);
  EXPECT_EQ(accept.header.d_id, kInitiator);
  EXPECT_EQ(accept.exchange, 0xbeefu);
  give_response(abts);  // the exchange has gone
  run(2);
  const auto reject = request<wire::AbtsResponse>(wire::EntryType::kAbtsResponse);
  EXPECT_EQ(reject.header.r_ctl, 0x85);
  // The firmware has not ended it: a CTIO that terminates, then the answer again.
  accept.completion = 0x31;
  const wire::AbtsError error{.subcode3 = 0, .reserved4 = 0, .subcode1 = wire::kAbtsNotTerminated, .subcode2 = 0};
  std::memcpy(accept.payload.data(), &error, sizeof error);
  give_response(accept);
  run(2);
  EXPECT_EQ(status().flags & 0x4000, 0x4000);
  EXPECT_EQ(request<wire::AbtsResponse>(wire::EntryType::kAbtsResponse).header.r_ctl, 0x84);
}

TEST_F(ExchangeTest, LogoutTerminatesWhatIsOut) {
  release_at_once = false;
  auto& exchange = begin(0xa1, true);
  queue->receive_data(exchange, all(false));
  run(1);
  const auto entry = ctio();
  give_atio(notify(0x05));
  run(2);
  EXPECT_EQ(ended, logins);
  EXPECT_EQ(status().flags & 0x4000, 0x4000);
  answer(done(entry, wire::CtioStatus::kAborted));
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kFailed});
  queue->drop(exchange);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
  EXPECT_TRUE(card.requests.empty());
  port->answer(services.back().id, {});
  run(2);
  acknowledge();
  port->release_login(ended[0]);
  run(2);
  EXPECT_EQ(request<wire::LogIo>(wire::EntryType::kLogIo).flags, 0x8 | 0x10 | 0x80);
}

// After the adapter's reset nothing comes back any more: the driver answers for it, and waits for its user.
TEST_F(ExchangeTest, AStopThatTakesTooLongFailsWhatIsOut) {
  release_at_once = false;
  auto& exchange = begin(0xa3);
  queue->send_data(exchange, all(false));
  bool stopped = false;
  port->stop([&] { stopped = true; });
  run(60, std::chrono::milliseconds(100));
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kFailed});
  EXPECT_FALSE(stopped);
  queue->drop(exchange);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
  port->release_login(ended.at(0));
  run(2);
  EXPECT_TRUE(stopped);
}

TEST_F(ExchangeTest, RetransmissionIsRefused) {
  auto srr = notify(0);
  srr.status = static_cast<std::uint16_t>(wire::NotifyStatus::kSrr);
  srr.srr_rx_id = 0x1234;
  srr.srr_ox_id = 0x77;
  srr.srr_offset = 512;
  srr.srr_ui = 5;
  give_response(srr);
  run(2);
  const auto ack = request<wire::NotifyAck>(wire::EntryType::kNotifyAck);
  EXPECT_EQ(ack.status, 0x45);
  EXPECT_EQ(ack.srr_flags, wire::NotifyAck::kSrrReject);
  EXPECT_EQ(ack.srr_reason, 0x09);
  EXPECT_EQ(ack.srr_rx_id, 0x1234);
  EXPECT_EQ(ack.srr_offset, 512u);
  EXPECT_EQ(ack.srr_ui, 5);
}

TEST_F(ExchangeTest, WhoIsNotLoggedInIsToldThatALoginIsRequired) {
  constexpr std::uint16_t kNoHandle = 0xffff;
  const auto answer_to = [this](std::uint8_t els) {
    give_atio(notify(els, 0x010900, kNoHandle));
    run(2);
    const auto ack = request<wire::NotifyAck>(wire::EntryType::kNotifyAck);
    EXPECT_TRUE(wire::NotifyAck::Reject::get(ack.flags));
    return ack.srr_reason << 8 | ack.srr_explanation;
  };
  const std::size_t before = services.size();
  for (const std::uint8_t els : std::initializer_list<std::uint8_t>{0x20, 0x21, 0x50, 0x52})
    EXPECT_EQ(answer_to(els), 0x091e) << int{els};
  EXPECT_EQ(answer_to(0x03), 0x0500) << "PLOGI: the adapter has no room";
  EXPECT_EQ(answer_to(0x7f), 0x0b00);
  EXPECT_EQ(services.size(), before);
}

TEST_F(ExchangeTest, NewLoginWaitsForTheOldOne) {
  release_at_once = false;
  give_atio(notify(0x03));
  run(2);
  EXPECT_EQ(ended, logins);
  port->answer(services.back().id, {});
  run(3);
  EXPECT_TRUE(card.requests.empty());
  port->release_login(ended[0]);
  run(3);
  const auto clear = request<wire::LogIo>(wire::EntryType::kLogIo);
  EXPECT_EQ(clear.flags, 0x8 | 0x10);
  give_response(clear);
  run(3);
  acknowledge();
}

TEST_F(ExchangeTest, LostCompletionIsHastenedThenTheAdapterReset) {
  ExpectLog expect("no answer to a transfer");
  auto& exchange = begin(0xa2);
  queue->send_data(exchange, all(false));
  run(310, std::chrono::milliseconds(100));
  (void)ctio();
  EXPECT_EQ(status().flags & 0x4000, 0x4000);
  EXPECT_EQ(card.resets, 1);
  run(310, std::chrono::milliseconds(100));
  EXPECT_EQ(card.resets, 2);
  EXPECT_EQ(data, std::vector<DataStatus>{DataStatus::kFailed});
  queue->drop(exchange);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
}

}  // namespace
}  // namespace qla
