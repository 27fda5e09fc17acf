// A session with two connections, for the tests of MC/S.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/iscsi/bench.h"

namespace iscsi {

struct ConnectionsTest : testing::Test {
  explicit ConnectionsTest(std::size_t other_reactors = 0) : bench(other_reactors) {}
  // A login goes by the settings of the moment when its connection came.
  test_support::FakeConnection& connect_to_target_with_four() {
    bench.config.targets[0].max_connections = 4;
    EXPECT_TRUE(bench.apply());
    return bench.connect();
  }
  void log_in_both() {
    first.must_log_in({{"MaxConnections", "8"}});
    ASSERT_EQ(second.join(first, 2), 0);
  }
  // A read by one of the two, in the order of the calls.
  void read_by(Initiator& host, std::uint32_t tag) {
    Initiator& other = &host == &first ? second : first;
    host.read(tag, 0);
    other.after(host);
  }
  static bool says_window_only(const test_support::SentPdu& pdu) {
    return pdu.opcode() == pdu::Opcode::kNopIn && pdu.header.initiator_task_tag == pdu::kReservedTag &&
           pdu.as<pdu::NopIn>().target_transfer_tag == pdu::kReservedTag;
  }
  void expect_window(Initiator& host) { EXPECT_TRUE(says_window_only(host.expect(pdu::Opcode::kNopIn))); }
  // What the fabric itself asks the core to abort; the core does.
  void core_aborts(std::uint64_t tag) {
    bench.settle();
    ASSERT_EQ(core().functions.size(), 1u);
    scsi::TaskManagement& function = *core().functions[0];
    EXPECT_EQ(function.function, scsi::TaskFunction::kAbortTask);
    EXPECT_EQ(function.tag, tag);
    core().drop(core().command(tag));
    core().answer(function, scsi::TmfResponse::kFunctionComplete);
    bench.settle();
  }
  FakeRouter& core() { return *bench.router; }

  IscsiBench bench;
  Initiator first{bench, connect_to_target_with_four()}, second{bench, bench.connect("10.0.0.9:50001")};
};

}  // namespace iscsi
