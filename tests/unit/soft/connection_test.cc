// Unit tests of a TCP connection's data movement, over a socket pair in one thread.
#include "drivers/soft/tcp/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "drivers/soft/tcp/poller.h"

namespace soft::tcp {
namespace {

using hal::DataStatus;
using hal::DataTask;
using hal::iscsi::BasicHeader;
using hal::iscsi::kReservedTag;
using Bytes = std::vector<std::byte>;

struct Pdu {
  BasicHeader header;
  Bytes data;
  template <class T>
  const T& as() const {
    return reinterpret_cast<const T&>(header);
  }
};

struct ConnectionTest : testing::Test, hal::DatamoverEvents {
  struct Pollers final : TcpPollers {
    explicit Pollers(ConnectionTest& owner) : test(owner) {}
    TcpPoller& poller(hal::Reactor&) override { return *test.poller; }
    ConnectionTest& test;
  } pollers{*this};
  bool in_login = false;  // the connection is not enabled yet
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  std::unique_ptr<TcpPoller> poller;
  std::unique_ptr<TcpConnection> connection;
  int peer = -1;
  std::uint32_t stat_sn = 100, exp_cmd_sn = 1, max_cmd_sn = 32;
  std::vector<std::string> events;
  DataTask task;
  Bytes medium = Bytes(1 << 20);
  hal::DmaSpan segment{medium, {}};
  std::uint32_t get_on_begin = 0;

  void SetUp() override {
    hal::ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 1;
    reactor = hal::Reactor::create(options).value();
    poller = std::make_unique<TcpPoller>(*reactor, pollers);
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    peer = pair[1];
    connection = std::make_unique<TcpConnection>(*poller, pair[0], "local", "peer");
    ASSERT_TRUE(connection->open().has_value());
    connection->set_events(*this);
    if (!in_login) enable();
    task.initiator_task_tag = 77;
    task.index = 3;
  }
  void enable() {
    hal::DatamoverKeys keys;
    keys.max_burst_length = 4096;
    keys.first_burst_length = 2048;
    keys.send_data_segment_length = 1024;
    keys.receive_data_segment_length = 65536;
    keys.initial_r2t = false;
    keys.max_outstanding_r2t = 2;
    connection->enable(keys, {&stat_sn, &exp_cmd_sn, &max_cmd_sn});
  }
  void TearDown() override {
    connection.reset();
    poller.reset();
    if (peer >= 0) close(peer);
  }

  // DatamoverEvents
  void control_notify(const hal::ControlPdu& pdu) override {
    events.push_back("control " + std::to_string(pdu.header.opcode));
    if (hal::iscsi::OpcodeBits::get(pdu.header.opcode) == hal::iscsi::Opcode::kScsiCommand) {
      connection->begin_task(task, pdu.data);
      if (get_on_begin != 0) get(0, get_on_begin);
    }
  }
  void data_completion_notify(DataTask&, DataStatus status) override {
    events.push_back("data " + std::to_string(static_cast<int>(status)));
  }
  void data_out_drained(DataTask&) override { events.push_back("drained"); }
  void data_out_rejected(DataTask*, hal::iscsi::RejectReason reason, const BasicHeader&) override {
    events.push_back("reject " + std::to_string(static_cast<int>(reason)));
  }
  void connection_terminate_notify(hal::CloseReason reason) override {
    events.push_back(std::string("end: ") + hal::close_reason_name(reason));
  }

  void get(std::uint32_t offset, std::uint32_t length) { connection->get_data(task, {&segment, 1}, offset, length); }
  void rounds() {
    for (int i = 0; i < 20; ++i) reactor->run_once();
  }
  void to_target(const BasicHeader& header, std::size_t size, int seed = 0) {
    BasicHeader copy = header;
    copy.data_segment_length = static_cast<std::uint32_t>(size);
    Bytes bytes(sizeof copy + size + hal::iscsi::padding(static_cast<std::uint32_t>(size)));
    std::memcpy(bytes.data(), &copy, sizeof copy);
    for (std::size_t i = 0; i < size; ++i) bytes[sizeof copy + i] = std::byte(i * 13 + static_cast<unsigned>(seed));
    ASSERT_EQ(write(peer, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void command(std::uint32_t edtl, std::size_t immediate, bool final = true) {
    hal::iscsi::ScsiCommand pdu;
    pdu.flags = hal::iscsi::Final::of(final);
    task.expected_length = edtl;
    task.unsolicited_follows = !final;
    to_target(reinterpret_cast<const BasicHeader&>(pdu), immediate);
  }
  void data_out(std::uint32_t ttt, std::uint32_t sn, std::uint32_t offset, std::size_t size, bool final) {
    hal::iscsi::DataOut pdu;
    pdu.flags = hal::iscsi::Final::of(final);
    pdu.initiator_task_tag = 77;
    pdu.target_transfer_tag = ttt;
    pdu.data_sn = sn;
    pdu.buffer_offset = offset;
    to_target(reinterpret_cast<const BasicHeader&>(pdu), size, static_cast<int>(offset * 13));
    rounds();
  }
  std::vector<Pdu> from_target() {
    rounds();
    Bytes all(1 << 20);
    const ssize_t got = read(peer, all.data(), all.size());
    std::vector<Pdu> pdus;
    std::size_t at = 0;
    while (got > 0 && at < static_cast<std::size_t>(got)) {
      Pdu pdu;
      std::memcpy(&pdu.header, all.data() + at, sizeof pdu.header);
      at += sizeof pdu.header;
      const std::uint32_t size = pdu.header.data_segment_length;
      pdu.data.assign(all.begin() + static_cast<std::ptrdiff_t>(at),
                      all.begin() + static_cast<std::ptrdiff_t>(at + size));
      at += size + hal::iscsi::padding(size);
      pdus.push_back(std::move(pdu));
    }
    return pdus;
  }
  void expect_pattern(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(medium[i], std::byte(i * 13)) << "at " << i;
  }
};

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
