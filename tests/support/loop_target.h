// A whole SCSI target in one thread under a manual clock: reactors, core, loop ports. For unit tests of the core's
// parts.
//
//   LoopTarget target({.reactors = 2});
//   target.add("disk", std::make_unique<Ram>(...), make_server());   // or target.core() for anything else
//   target.map({{"disk", 0}});
//   LoopNexus& host = target.login("iqn.2026-01.test:host");
//   Reply reply = target.run(host, {.cdb = {0x12, 0, 0, 0, 36, 0}, .in = 36});
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "hal/reactor.h"
#include "scsi_core/core.h"
#include "tests/support/loop_port.h"

namespace test_support {

struct LoopOptions {
  std::size_t reactors = 1;
  std::uint64_t seed = 1;
  std::size_t dma_limit = std::size_t{256} << 20;
  scsi::CoreOptions core;
};

class LoopTarget {
 public:
  explicit LoopTarget(const LoopOptions& options);
  ~LoopTarget();  // loses every nexus first, and fails the test if one does not become quiet

  scsi::Core& core() { return *core_; }
  base::ManualClock& clock() { return clock_; }
  hal::Reactor& reactor(std::size_t index = 0) { return *reactors_[index]; }
  // The port of a target on a reactor; made at first use. Each target is one target port: "iqn.test:a", "iqn.test:b".
  LoopPort& port(std::size_t reactor = 0, const std::string& target = "iqn.2026-01.test:target");
  LoopNexus& login(const std::string& initiator, std::size_t reactor = 0);

  // Runs the reactors, in seeded order, until a round in which none had anything to do.
  void settle(std::size_t rounds = 100'000);
  bool step();  // one round of each; true if one did something
  // Moves the clock, and lets what is due happen.
  void advance(base::Duration by);

  Reply run(LoopNexus& nexus, Request request);  // sends, settles; fails the test if it is not over then
  scsi::TmfResponse manage(LoopNexus& nexus, scsi::TaskFunction function, std::uint32_t lun = 0,
                           const LoopCommand* task = nullptr);
  // TEST UNIT READY until no unit attention condition is left.
  void clear_attentions(LoopNexus& nexus, std::uint32_t lun = 0);

  // Calls a function of the core that answers by Done, and waits for it.
  base::Result<void> wait(const std::function<void(scsi::Done)>& call);
  base::Result<void> add(const std::string& name, std::unique_ptr<scsi::Backstore> store,
                         std::unique_ptr<scsi::DeviceServer> server, scsi::LuConfig config = {});
  base::Result<void> map(const std::vector<std::pair<std::string, std::uint32_t>>& luns);  // for every initiator

 private:
  base::ManualClock clock_;
  base::SeededRandom random_;
  std::vector<std::unique_ptr<hal::Reactor>> reactors_;
  scsi::MetadataStore* const metadata_;  // the test's; its thread knows the reactors
  std::unique_ptr<scsi::Core> core_;
  std::vector<std::unique_ptr<LoopPort>> ports_;
  std::vector<LoopNexus*> nexuses_;
};

}  // namespace test_support
