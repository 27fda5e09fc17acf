// A whole target with a Fibre Channel port by hand: core, RAM disk at LUN 0, fabric, one reactor or several, one
// thread.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "fabrics/fcp/service.h"
#include "tests/support/fake_fc_port.h"
#include "tests/support/loop_target.h"

namespace fcp_test {

using test_support::FakeFcPort;
using test_support::FcCommand;
using test_support::FcInitiator;
using test_support::FcRequest;

inline constexpr hal::fc::Wwn kHostA{0x21000024ff000001}, kHostB{0x21000024ff000002};
inline constexpr std::uint32_t kBlock = 512;

struct FcTargetOptions {
  std::size_t reactors = 1;
  std::vector<std::string> initiators = {};  // who may log in
  std::uint32_t exchanges = 64;
  bool light = true;
  std::size_t disk_bytes = std::size_t{1} << 20;
  std::uint8_t protection_type = 0;
};

class FcTarget {
 public:
  using Options = FcTargetOptions;
  explicit FcTarget(const Options& options = {});
  ~FcTarget();  // everything ends in order, or the test fails

  FcInitiator& log_in(hal::fc::Wwn name = kHostA, std::uint32_t id = 0x010200);
  // Sends, settles, and expects that it is over.
  const test_support::FcReply& run(FcInitiator& host, FcRequest request);
  void clear_attentions(FcInitiator& host);
  base::Result<void> apply();  // `config`
  base::Result<void> wait(const std::function<void(scsi::Done)>& call) { return loop.wait(call); }
  fcp::FabricCounters counters();
  std::vector<fcp::SessionInfo> sessions();
  std::vector<std::string> events();  // names, oldest first
  fcp::PortStatus status();
  void settle() { loop.settle(); }

  test_support::LoopTarget loop;
  FakeFcPort port;
  std::optional<fcp::Fabric> fabric;
  fcp::FabricConfig config;

 private:
  static std::vector<hal::Reactor*> reactors_of(test_support::LoopTarget& loop, std::size_t count);
};

FcRequest read10(std::uint32_t lba, std::uint16_t blocks);
FcRequest write10(std::uint32_t lba, std::uint16_t blocks, std::uint8_t fill);
std::vector<std::byte> filled(std::size_t size, std::uint8_t value);

}  // namespace fcp_test
