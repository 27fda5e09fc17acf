// What runs beside the data: limits, heartbeat, recovery of an adapter that failed, farewell to one that is gone.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "drivers/qla/adapter.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");
constexpr base::Duration kHousekeeping = std::chrono::milliseconds(100);
constexpr base::Duration kHeartbeat = std::chrono::seconds(2), kHeartbeatLimit = std::chrono::seconds(5);
constexpr unsigned kMostAttempts = 8;

base::Duration pause_before(unsigned attempt) {
  return std::chrono::seconds(std::min(30u, 1u << std::min(attempt, 5u)));
}

}  // namespace

void Adapter::begin_reset() {
  mailbox_.cancel();
  bringup_.begin_reset(&dump_);
}

// The chip is reset, so nothing of ours is in its hands any more: what was out is answered by ourselves.
void Adapter::adapter_still() {
  mailbox_.cancel();
  forget_everything();
}

void Adapter::forget_everything() {
  ++device_.epoch;
  device_.running = false;
  pairs_.want(PairState::kCleared, device_.epoch);
  control_.reset();
  port_.reset();
  for (const Virtual& each : virtual_ports_) each.port->reset();
  request_ring_.reset();
  response_ring_.reset();
  atio_ring_.reset();
  atio_held_ = false;
}

void Adapter::recover() {
  if (device_.lost) return removed();
  const std::string why = std::exchange(device_.failure, {});
  if (phase_ == Phase::kFailed || phase_ == Phase::kWaiting || phase_ == Phase::kStopped) return;
  kLog.error("{}: {}", device_.options.name, why);
  ++device_.counters[Count::kRecoveries];
  reason_ = why;
  device_.running = false;
  request_ring_.close();
  light_ = link_wanted_ = link_down_runs_ = false;
  if (phase_ == Phase::kStopping) return begin_off();  // as when all was quiet: its firmware may be running still
  if (phase_ == Phase::kOff) {
    pci_->disable_dma();
    forget_everything();
    return went_off();
  }
  const bool again = phase_ == Phase::kOnline || attempts_ < kMostAttempts;
  links_changed();
  if (phase_ == Phase::kOnline) {
    dump_.begin(why);
    tell_failure(why, true);
    phase_ = Phase::kRecovering;
    ++attempts_;
    return begin_reset();
  }
  // The bring-up itself failed: nothing of ours may be in its hands while we wait.
  bringup_.cancel();
  mailbox_.cancel();
  pci_->disable_dma();
  forget_everything();
  tell_failure(why, again);
  phase_ = again ? Phase::kWaiting : Phase::kFailed;
  retry_at_ = device_.reactor.now() + pause_before(attempts_++);
}

void Adapter::tell_failure(const std::string& why, bool recovers) {
  user_->adapter_failed(why, recovers);
  for (const Virtual& each : virtual_ports_) each.port->failed(why, recovers);
}

void Adapter::removed() {
  device_.lost = false;
  device_.failure.clear();
  if (std::exchange(gone_, true) || phase_ == Phase::kStopped) return;
  kLog.error("{}: the adapter is gone", device_.options.name);
  reason_ = "the adapter is gone";
  bringup_.cancel();
  mailbox_.cancel();
  pci_->disable_dma();
  light_ = link_wanted_ = link_down_runs_ = false;
  const bool stopping = phase_ == Phase::kStopping || phase_ == Phase::kOff;
  phase_ = Phase::kFailed;
  links_changed();
  forget_everything();
  tell_failure(reason_, false);
  if (stopping) went_off();
}

void Adapter::housekeep() {
  const base::Time now = device_.reactor.now();
  timer_.arm(device_.reactor.timers(), now + kHousekeeping);
  event_due_ |= device_.running;
  if (pci_->gone() && !gone_) device_.lost = true;
  mailbox_.check_limit(now);
  if (!device_.failure.empty() || device_.lost) return;  // the next poll sees to it
  if (phase_ == Phase::kWaiting && now >= retry_at_) {
    phase_ = Phase::kBringingUp;
    if (auto enabled = pci_->enable_dma(); enabled.has_value()) {
      begin_reset();
    } else {
      device_.fail(enabled.error().text);
    }
  }
  if (phase_ == Phase::kStopping) check_stop();
  for (const Virtual& each : virtual_ports_) each.port->housekeep(now);
  if (!device_.running || phase_ == Phase::kOff) return;
  check_pairs();
  control_.check_limits(now);
  port_.queue.check_limits(now);
  if (link_down_runs_ && now >= link_down_at_) {
    link_down_runs_ = false;
    end_all_logins(false);
  }
  if (phase_ != Phase::kOnline) return;
  if (link_wanted_ && !bringup_.running() && now >= link_retry_) {
    link_wanted_ = false;
    bringup_.begin_link();
  }
  if (registration_wanted_ && registration_.idle()) {
    registration_wanted_ = false;
    constexpr std::uint32_t kAllStateChanges = 3;
    mailbox_.issue(registration_.command(regs::MailboxCommand::kRegisterStateChange).set(1, kAllStateChanges));
  }
  const std::uint64_t seen = device_.counters[Count::kEvents] + device_.counters[Count::kCommands];
  if (seen != std::exchange(commands_seen_, seen)) heartbeat_at_ = now + kHeartbeat;
  if (now >= heartbeat_at_ && heartbeat_.idle()) {
    heartbeat_at_ = now + kHeartbeat;
    heartbeat_.limit = kHeartbeatLimit;
    mailbox_.issue(heartbeat_.command(regs::MailboxCommand::kNoOperation));
  }
}

// Ends the logins; when their users have let go and the initiators have heard of it, or the limit of either is over,
// the adapter goes into reset.
void Adapter::check_stop() {
  end_all_logins(true);
  const base::Time now = device_.reactor.now();
  const bool heard = quiet() || (released() && now >= farewell_deadline_);
  if (heard || now >= stop_deadline_) begin_off();
}

void Adapter::begin_off() {
  phase_ = Phase::kOff;
  device_.running = false;
  request_ring_.close();
  mailbox_.cancel();
  if (pci_->gone()) return went_off();
  bringup_.begin_off();
}

void Adapter::end_all_logins(bool log_out) {
  port_.services.end_all(log_out);
  for (const Virtual& each : virtual_ports_) each.port->end_logins(log_out);
}

std::string Adapter::dump(std::string_view what) const {
  if (what == "registers") return dump_registers(device_);
  if (what == "events") return dump_events(device_);
  if (what != "rings") return "registers, rings or events\n";
  std::string text =
      fmt::format("requests: in {} out {} of {}\nresponses: out {} of {}\natios: out {} of {}\ncontrol: {} of {}\n",
                  request_ring_.in(), request_ring_.out(), request_ring_.entries(), response_ring_.out(),
                  response_ring_.entries(), atio_ring_.out(), atio_ring_.entries(), control_.in_use(),
                  Control::kSlots) +
      port_.queue.describe();
  for (const auto& pair : pairs_) text += pair->describe();
  return text;
}

}  // namespace qla
