// One TCP connection over a socket pair in one thread, and the events it gives.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "drivers/soft/tcp/connection.h"
#include "drivers/soft/tcp/poller.h"

namespace soft::tcp {

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
  bool in_login = false;   // the connection is not enabled yet
  std::uint8_t level = 0;  // error recovery
  bool pdus_in_order = true, sequences_in_order = true;
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
    keys.max_outstanding_r2t = level == 0 ? 2 : 1;
    keys.error_recovery_level = level;
    keys.data_pdu_in_order = pdus_in_order;
    keys.data_sequence_in_order = sequences_in_order;
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

}  // namespace soft::tcp
