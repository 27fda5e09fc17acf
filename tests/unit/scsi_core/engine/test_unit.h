// A device server with one small command for each thing that the engine does, and builders of their CDBs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scsi_core/device_server.h"
#include "scsi_core/execution.h"
#include "scsi_core/lu_control.h"
#include "tests/support/fake_store.h"
#include "tests/support/log_guard.h"
#include "tests/support/loop_target.h"

namespace scsi::engine_test {

using test_support::LoopCommand;
using test_support::LoopFunction;
using test_support::LoopNexus;
using test_support::LoopTarget;
using test_support::Reply;
using test_support::Request;

// What a test sees and steers of a TestServer; outlives it.
struct TestLog {
  LogicalUnit* lu = nullptr;                    // known from its reset at power on
  std::vector<std::string> events;              // "reset 1", "lost iqn..."
  std::vector<Command*> at_home;                // commands of home_async() that wait for home_done
  std::function<void(const Command&)> entered;  // a handler begins
};

class TestServer final : public DeviceServer {
 public:
  explicit TestServer(TestLog& log) : log_(log) {}
  const OpcodeTable& opcodes() const override;
  std::uint8_t device_type() const override { return 0; }
  void reset(LogicalUnit& lu, ResetCause cause) override;
  void nexus_lost(LogicalUnit& lu, const NexusKey& nexus) override;
  TestLog& log() { return log_; }

 private:
  TestLog& log_;
};

// What answers at LUNs without a logical unit: INQUIRY and REPORT LUNS.
const OpcodeTable& test_no_logical_unit();

// CDBs of the table.
std::vector<std::uint8_t> test_unit_ready();
std::vector<std::uint8_t> inquiry();
std::vector<std::uint8_t> request_sense();
std::vector<std::uint8_t> report_luns();
std::vector<std::uint8_t> read_10(std::uint32_t lba, std::uint16_t blocks);
std::vector<std::uint8_t> write_10(std::uint32_t lba, std::uint16_t blocks);
std::vector<std::uint8_t> exclusive_range(std::uint32_t lba, std::uint8_t blocks);  // reads; COMPARE AND WRITE's opcode
std::vector<std::uint8_t> exclusive();                                              // FORMAT UNIT's opcode
std::vector<std::uint8_t> home(bool fails = false);  // visits the home reactor; MODE SELECT(10)'s opcode
std::vector<std::uint8_t> home_async();              // stays there until the test lets it go; PERSISTENT RESERVE OUT's
std::vector<std::uint8_t> parameter_list(std::uint8_t length);  // echoes nothing; MODE SELECT(6)'s opcode
std::vector<std::uint8_t> chunked_read(std::uint32_t lba, std::uint16_t blocks);  // block by block; READ(12)'s opcode

// A target with disks "a" and "b", 64 blocks each, at LUN 0 and 1.
struct Bench {
  explicit Bench(std::size_t reactors = 1, std::uint64_t seed = 1, CoreOptions options = bench_options());
  static CoreOptions bench_options();
  LoopNexus& login(const std::string& name, std::size_t reactor = 0);  // and clears its unit attentions
  LoopCommand& read(LoopNexus& nexus, std::uint32_t lba, TaskAttribute attribute = TaskAttribute::kSimple);
  LoopCommand& write(LoopNexus& nexus, std::uint32_t lba, TaskAttribute attribute = TaskAttribute::kSimple);

  test_support::FakeMedium medium_a{64}, medium_b{64};
  TestLog log_a, log_b;
  LoopTarget target;
};

}  // namespace scsi::engine_test
