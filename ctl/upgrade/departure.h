// The old daemon's side of an upgrade in place: one attempt at a time; whatever goes wrong, this daemon goes on.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "ctl/engine.h"
#include "ctl/transactor.h"
#include "ctl/upgrade/channel.h"
#include "ctl/upgrade/launcher.h"
#include "ctl/upgrade/state.h"
#include "ctl/upgrade/upgrade.h"
#include "hal/reactor.h"

namespace ctl {

// Lives on the control reactor.
class Departure final : private hal::FdHandler {
 public:
  struct Parts {  // all outlive this
    hal::Reactor& control;
    const Launcher& launcher;
    Transactor& transactor;
    Engine& engine;
    iscsi::Fabric& fabric;
    scsi::Core& core;
    std::function<std::vector<base::Fd>()> welcome;  // copies of what the new daemon needs to begin with
    std::function<void(std::uint64_t pid)> handed;   // the new daemon is about to be the service, and
    std::function<void()> stays;                     // ... is not, after all
    std::function<void()> gone;                      // nothing is to be touched any more: end soon
  };
  using Done = std::function<void(base::Result<UpgradeReport>)>;
  explicit Departure(Parts parts) : parts_(std::move(parts)) {}
  ~Departure() override { hang_up(); }
  void start(const UpgradeOptions& options, Done done);
  void call_off(const char* why);  // if one is under way

 private:
  enum class Step : std::uint8_t { kIdle, kLaunched, kWelcomed, kShared, kFreezing, kSent, kGone };
  void fd_ready(std::uint32_t events) override;
  void take(const HandoverMessage& message);
  void share();
  void shared(std::vector<scsi::UnitState> units);
  void freeze();
  void frozen(iscsi::FabricState fabric);
  void described(std::vector<scsi::UnitState> units);
  void describe_units(Step step, void (Departure::*then)(std::vector<scsi::UnitState>));
  void leave();
  void next(Step step, base::Duration limit, const char* waits_for);
  void fail(const base::Error& error);
  void hang_up();
  static void too_late(void* context);

  Parts parts_;
  Step step_ = Step::kIdle;
  std::uint64_t attempt_ = 0;                         // answers to an earlier one come too late
  bool undo_ = false;                                 // sessions or the page for Prometheus have been stopped
  std::set<std::pair<std::string, int>> open_there_;  // media that the new daemon has: unit, part
  UpgradeOptions options_;
  UpgradeReport report_;
  HandoverState state_;
  Done done_;
  std::optional<HandoverChannel> channel_;
  base::Time frozen_at_{};
  const char* waits_for_ = "";
  hal::Timer timer_{&Departure::too_late, this};
};

}  // namespace ctl
