// Unit tests of a TCP connection's data movement, over a socket pair in one thread.
#include "tests/unit/soft/connection_bench.h"

#include <algorithm>
#include <utility>

namespace soft::tcp {
namespace {

TEST_F(ConnectionTest, ImmediateDataIsCopiedOnceAndAnsweredFromThePollLoop) {
  get_on_begin = 512;
  command(512, 512);
  rounds();
  EXPECT_EQ(events, (std::vector<std::string>{"control 1", "data 0"}));
  expect_pattern(512);
  connection->end_task(task);
}

TEST_F(ConnectionTest, ImmediateDataThatNobodyFetchedYetIsKept) {
  command(512, 512);
  rounds();
  get(0, 512);
  rounds();
  EXPECT_EQ(events.back(), "data 0");
  expect_pattern(512);
  connection->end_task(task);
}

TEST_F(ConnectionTest, UnsolicitedDataComesBeforeR2tAndR2tStaysWithinMaxBurst) {
  get_on_begin = 10000;
  command(10000, 1000, false);
  EXPECT_TRUE(from_target().empty());  // the unsolicited burst is not over
  data_out(kReservedTag, 0, 1000, 1048, true);
  const auto r2ts = from_target();
  ASSERT_EQ(r2ts.size(), 2u);  // MaxOutstandingR2T
  const auto& first = r2ts[0].as<hal::iscsi::R2t>();
  const auto& second = r2ts[1].as<hal::iscsi::R2t>();
  EXPECT_EQ(first.buffer_offset, 2048u);
  EXPECT_EQ(first.desired_data_transfer_length, 4096u);
  EXPECT_EQ(first.r2t_sn, 0u);
  EXPECT_EQ(second.buffer_offset, 6144u);
  EXPECT_EQ(second.desired_data_transfer_length, 3856u);
  EXPECT_EQ(second.stat_sn, 100u);  // the next StatSN, not taken
  EXPECT_NE(first.target_transfer_tag, second.target_transfer_tag);
  data_out(first.target_transfer_tag, 0, 2048, 4000, false);
  data_out(first.target_transfer_tag, 1, 6048, 96, true);
  EXPECT_EQ(events.size(), 1u);
  data_out(second.target_transfer_tag, 0, 6144, 3856, true);
  EXPECT_EQ(events.at(1), "data 0");
  expect_pattern(10000);
  EXPECT_TRUE(connection->drained(task));
  connection->end_task(task);
}

TEST_F(ConnectionTest, DataOutsideItsR2tIsRefusedAndNeverPlaced) {
  const auto wrong = [&](std::uint32_t sn, std::uint32_t offset, std::size_t size, bool final) {
    events.clear();
    medium.assign(medium.size(), std::byte{0xee});
    get_on_begin = 4096;
    command(8192, 0);
    const auto r2ts = from_target();
    ASSERT_EQ(r2ts.size(), 1u);
    data_out(r2ts[0].as<hal::iscsi::R2t>().target_transfer_tag, sn, offset, size, final);
    EXPECT_EQ(events.at(1), "reject 9");
    EXPECT_EQ(events.at(2), "data 2");
    for (const std::byte b : medium) ASSERT_EQ(b, std::byte{0xee});
    connection->end_task(task);
  };
  wrong(0, 4, 4092, true);   // not where the data goes on
  wrong(1, 0, 4096, true);   // DataSN
  wrong(0, 0, 4096, false);  // F missing
  wrong(0, 0, 100, true);    // F too early
  wrong(0, 0, 4100, true);   // past the end
}

TEST_F(ConnectionTest, UnknownTransferTagIsRejectedButThatOfAnEndedTaskIsDropped) {
  data_out(0x00030005, 0, 0, 16, true);
  EXPECT_EQ(events.back(), "reject 9");
  events.clear();
  get_on_begin = 4096;
  command(4096, 0);
  const auto r2ts = from_target();
  ASSERT_EQ(r2ts.size(), 1u);
  connection->terminate_data(task);
  rounds();
  EXPECT_EQ(events.back(), "data 1");
  connection->end_task(task);
  events.clear();
  data_out(r2ts[0].as<hal::iscsi::R2t>().target_transfer_tag, 0, 0, 4096, true);
  EXPECT_TRUE(events.empty());
}

TEST_F(ConnectionTest, UnsolicitedDataBeyondFirstBurstIsRefused) {
  command(10000, 1000, false);
  rounds();
  data_out(kReservedTag, 0, 1000, 1049, true);
  EXPECT_EQ(events.at(1), "reject 9");
  EXPECT_EQ(events.at(2), "drained");
  connection->end_task(task);
}

TEST_F(ConnectionTest, UnsolicitedDataShortOfFirstBurstIsRefused) {
  command(10000, 1000, false);
  rounds();
  data_out(kReservedTag, 0, 1000, 1000, true);
  EXPECT_EQ(events.at(1), "reject 9");
  EXPECT_EQ(events.at(2), "drained");
  connection->end_task(task);
}

// The rule: a task that has failed gets no more data. What came early and was good is neither placed nor counted as
// placed, nothing is asked for, and each fetch has its answer from the poll loop.
TEST_F(ConnectionTest, FetchOfATaskThatHasFailedFailsAndPlacesNothing) {
  command(4000, 0, false);
  data_out(kReservedTag, 0, 0, 1000, false);
  data_out(kReservedTag, 1, 1004, 1044, true);  // four bytes are missing
  EXPECT_EQ(events, (std::vector<std::string>{"control 1", "reject 9", "drained"}));
  for (int fetches = 0; fetches < 2; ++fetches) {
    events.clear();
    get(0, 4000);
    EXPECT_TRUE(events.empty()) << "never answered from inside";
    EXPECT_TRUE(from_target().empty()) << "an R2T for nothing";
    EXPECT_EQ(events, std::vector<std::string>{"data 2"});
    EXPECT_EQ(task.arrived, 0u);
  }
  EXPECT_EQ(medium, Bytes(medium.size()));
  connection->end_task(task);
}

TEST_F(ConnectionTest, FetchBehindDataThatWasPlacedFailsAndLeavesThatInItsPlace) {
  get_on_begin = 500;
  command(4000, 0, false);
  data_out(kReservedTag, 0, 0, 1000, false);
  EXPECT_EQ(events.back(), "data 0");
  data_out(kReservedTag, 1, 1004, 1044, true);
  events.clear();
  const hal::DmaSpan rest = segment.subspan(500, 3500);
  connection->get_data(task, {&rest, 1}, 500, 3500);
  EXPECT_TRUE(from_target().empty());
  EXPECT_EQ(events, std::vector<std::string>{"data 2"});
  EXPECT_EQ(task.arrived, 500u);
  expect_pattern(500);
  EXPECT_TRUE(std::all_of(medium.begin() + 500, medium.end(), [](std::byte each) { return each == std::byte{0}; }));
  connection->end_task(task);
}

// Terminated is not failed: the fetch says which.
TEST_F(ConnectionTest, FetchOfATaskThatWasTerminatedIsAnsweredSo) {
  command(4000, 1000);
  rounds();
  connection->terminate_data(task);
  events.clear();
  get(0, 4000);
  EXPECT_TRUE(from_target().empty());
  EXPECT_EQ(events, std::vector<std::string>{"data 1"});
  EXPECT_EQ(task.arrived, 0u);
  EXPECT_EQ(medium, Bytes(medium.size()));
  connection->end_task(task);
}

TEST_F(ConnectionTest, DataInIsCutAtSegmentLengthAndStatusRidesOnTheLast) {
  command(0, 0);
  rounds();
  for (std::size_t i = 0; i < medium.size(); ++i) medium[i] = std::byte(i * 13);
  hal::DataIn data;
  data.segments = {&segment, 1};
  data.length = 5001;
  data.with_status = true;
  data.residual_flags = hal::iscsi::DataIn::kUnderflow;
  data.residual_count = 7;
  connection->put_data(task, data);
  EXPECT_EQ(events.size(), 1u);  // never answered from inside
  const auto pdus = from_target();
  ASSERT_EQ(pdus.size(), 5u);
  std::uint32_t at = 0;
  for (std::size_t i = 0; i < pdus.size(); ++i) {
    const auto& pdu = pdus[i].as<hal::iscsi::DataIn>();
    EXPECT_EQ(pdu.data_sn, i);
    EXPECT_EQ(pdu.buffer_offset, at);
    EXPECT_EQ(pdu.target_transfer_tag, kReservedTag);
    at += pdu.data_segment_length;
    const bool burst_end = at == 4096, last = at == 5001;
    EXPECT_EQ((pdu.flags & 0x80) != 0, burst_end || last);
    EXPECT_EQ((pdu.flags & 0x01) != 0, last);
  }
  const auto& last = pdus.back().as<hal::iscsi::DataIn>();
  EXPECT_EQ(last.stat_sn, 100u);
  EXPECT_EQ(last.residual_count, 7u);
  EXPECT_EQ(last.flags, 0x83);
  EXPECT_EQ(stat_sn, 101u);
  EXPECT_EQ(events.back(), "data 0");
  connection->end_task(task);
}

TEST_F(ConnectionTest, DataInOfAStuckPeerIsLetGoOnTerminate) {
  command(0, 0);
  rounds();
  hal::DataIn data;
  data.segments = {&segment, 1};
  data.length = 1 << 20;
  connection->put_data(task, data);
  rounds();  // the socket is full long before the end
  EXPECT_EQ(events.size(), 1u);
  connection->terminate_data(task);
  rounds();
  EXPECT_EQ(events.back(), "data 1");
  connection->end_task(task);
}

// The rule: one status per task. A status that is queued goes out, so the transfer counts as delivered.
TEST_F(ConnectionTest, TerminatedDataInWithStatusIsDeliveredFromACopy) {
  command(0, 0);
  rounds();
  hal::DataIn data;
  data.segments = {&segment, 1};
  data.length = 1 << 20;
  data.with_status = true;
  connection->put_data(task, data);
  rounds();
  connection->terminate_data(task);
  medium.assign(medium.size(), std::byte{0xee});  // the medium may change from now on
  rounds();
  EXPECT_EQ(events.back(), "data 0");
  connection->end_task(task);
  std::size_t bytes = 0;
  bool status = false;
  std::vector<std::byte> all;
  for (int i = 0; i < 200; ++i) {
    Bytes part(1 << 20);
    rounds();
    const ssize_t got = read(peer, part.data(), part.size());
    if (got > 0) all.insert(all.end(), part.begin(), part.begin() + got);
  }
  for (std::size_t at = 0; at + 48 <= all.size();) {
    const auto& pdu = *reinterpret_cast<const hal::iscsi::DataIn*>(all.data() + at);
    status |= (pdu.flags & hal::iscsi::DataIn::kStatus) != 0;
    at += 48;
    for (std::uint32_t i = 0; i < pdu.data_segment_length; ++i) ASSERT_NE(all[at + i], std::byte{0xee});
    bytes += pdu.data_segment_length;
    at += pdu.data_segment_length;
  }
  EXPECT_EQ(bytes, std::size_t{1} << 20);
  EXPECT_TRUE(status);
}

// What a capture has of one direction, and how many PDUs begin a record in it.
struct Captured {
  Bytes in, out;
  std::size_t opened = 0, continued = 0, closed = 0;
  explicit Captured(hal::CaptureRing& ring) {
    while (const hal::CaptureRecord* const record = ring.front()) {
      const auto body = hal::CaptureRing::body(*record);
      Bytes* const stream = record->event == hal::CaptureEvent::kReceived ? &in
                            : record->event == hal::CaptureEvent::kSent   ? &out
                                                                          : nullptr;
      if (stream != nullptr) {
        EXPECT_EQ(record->offset, stream->size());
        stream->insert(stream->end(), body.begin(), body.end());
      }
      opened += record->event == hal::CaptureEvent::kOpened;
      continued += record->event == hal::CaptureEvent::kContinued;
      closed += record->event == hal::CaptureEvent::kClosed;
      ring.pop();
    }
  }
};

TEST_F(ConnectionTest, ACaptureHasEveryByteOfBothDirections) {
  hal::CaptureRing ring(1 << 20, 1, {});
  poller->set_capture(&ring);
  command(0, 0);
  data_out(kReservedTag, 0, 0, 509, true);  // rejected, and captured all the same
  hal::DataIn data;
  data.segments = {&segment, 1};
  data.length = 5001;
  data.with_status = true;
  connection->put_data(task, data);
  rounds();
  Bytes all(1 << 20);
  const ssize_t got = read(peer, all.data(), all.size());
  ASSERT_GT(got, 5001);
  close(std::exchange(peer, -1));
  rounds();
  connection->end_task(task);
  const Captured captured(ring);
  EXPECT_EQ(captured.out, Bytes(all.begin(), all.begin() + got));
  EXPECT_EQ(captured.in.size(), 48u + 48u + 512u);
  EXPECT_EQ(captured.opened, 1u);
  EXPECT_EQ(captured.closed, 1u);
}

TEST_F(ConnectionTest, ACaptureThatComesLaterBeginsWithAPdu) {
  hal::iscsi::NopOut ping;
  Bytes bytes(48 + 400);
  ping.data_segment_length = 400;
  std::memcpy(bytes.data(), &ping, sizeof ping);
  ASSERT_EQ(write(peer, bytes.data(), 200), 200);
  rounds();
  hal::CaptureRing ring(1 << 20, 1, {});
  poller->set_capture(&ring);
  ASSERT_EQ(write(peer, bytes.data() + 200, 248), 248);
  ASSERT_EQ(write(peer, bytes.data(), 30), 30);
  rounds();
  ASSERT_EQ(write(peer, bytes.data() + 30, 418), 418);
  rounds();
  const Captured captured(ring);
  EXPECT_EQ(captured.continued, 1u);
  EXPECT_EQ(captured.in, bytes);
  poller->set_capture(nullptr);
}

TEST_F(ConnectionTest, LossOfTheConnectionFailsWhatIsOutThenReportsItOnce) {
  get_on_begin = 4096;
  command(4096, 0);
  EXPECT_EQ(from_target().size(), 1u);  // an R2T that will never be answered
  close(peer);
  peer = -1;
  rounds();
  EXPECT_EQ(events, (std::vector<std::string>{"control 1", "data 2", "end: closed by the peer"}));
  EXPECT_TRUE(connection->drained(task));
  connection->end_task(task);
}

TEST_F(ConnectionTest, TerminateSendsWhatIsQueuedFirst) {
  hal::iscsi::NopIn nop;
  connection->send(nop, Bytes(10));
  connection->terminate(std::chrono::seconds(1));
  const auto pdus = from_target();
  ASSERT_EQ(pdus.size(), 1u);
  EXPECT_EQ(pdus[0].data.size(), 10u);
  EXPECT_EQ(events.back(), "end: closed here");
}

TEST_F(ConnectionTest, PeerThatDoesNotReadIsNotReadFrom) {
  const Bytes answer(65536);
  const hal::iscsi::NopOut nop_out;
  const hal::iscsi::NopIn nop_in;
  std::size_t sent = 0;
  for (; sent < 1000 && events.size() == sent; ++sent) {
    to_target(reinterpret_cast<const BasicHeader&>(nop_out), 0);
    rounds();
    if (events.size() > sent) connection->send(nop_in, answer);
  }
  EXPECT_LT(sent, 200u) << "the queue of answers grew without bounds";
  Bytes all(1 << 20);
  do {  // the peer reads again
    rounds();
  } while (read(peer, all.data(), all.size()) > 0);
  EXPECT_EQ(events.size(), sent) << "and is heard again";
}

struct LoginConnectionTest : ConnectionTest {
  LoginConnectionTest() { in_login = true; }
  std::unique_ptr<hal::PendingConnection> hand_over() { return connection->hand_over(); }
};

TEST_F(LoginConnectionTest, SocketGoesToAnotherReactorAndOn) {
  hal::iscsi::LoginRequest request;
  to_target(reinterpret_cast<const BasicHeader&>(request), 100);
  connection->send(hal::iscsi::LoginResponse(), Bytes(10));
  EXPECT_EQ(from_target().size(), 1u);
  auto pending = hand_over();
  ASSERT_NE(pending, nullptr);
  EXPECT_EQ(pending->peer_address(), "peer");
  connection.reset();
  events.clear();
  to_target(reinterpret_cast<const BasicHeader&>(request), 100);
  rounds();
  EXPECT_TRUE(events.empty()) << "nobody reads meanwhile";
  auto started = pending->start(*reactor);
  ASSERT_TRUE(started.has_value());
  (*started)->set_events(*this);
  rounds();
  EXPECT_EQ(events, (std::vector<std::string>{"control 67"}));
  (*started)->send(hal::iscsi::LoginResponse(), Bytes(10));
  EXPECT_EQ(from_target().size(), 1u);
}

TEST_F(LoginConnectionTest, NothingIsHandedOverWithBytesUnderWay) {
  connection->send(hal::iscsi::LoginResponse(), Bytes(10));
  EXPECT_EQ(hand_over(), nullptr) << "not sent yet";
  EXPECT_EQ(from_target().size(), 1u);
  ASSERT_EQ(write(peer, "half", 4), 4);
  rounds();
  EXPECT_EQ(hand_over(), nullptr) << "half a header has come";
  EXPECT_TRUE(events.empty());
}

TEST_F(LoginConnectionTest, PendingConnectionThatNobodyStartsIsClosed) {
  hand_over().reset();
  connection.reset();
  char byte;
  EXPECT_EQ(read(peer, &byte, 1), 0);
}

TEST_F(ConnectionTest, EnabledConnectionIsNotHandedOver) { EXPECT_EQ(connection->hand_over(), nullptr); }

}  // namespace
}  // namespace soft::tcp
