// What happens in a run, and how it comes to rest.
#include "tests/sim/scenario.h"

#include <algorithm>

#include "tests/support/require.h"

namespace sim {
namespace {

constexpr int kSteps = 150;
constexpr int kLimits = 100;      // seconds in which the target answers whatever it is going to answer
constexpr int kMostRounds = 100;  // of hosts and target answering each other

}  // namespace

Scenario::Scenario(std::uint64_t seed, bool several_connections) : random_(seed), world_(seed) {
  shared_.several = several_connections;
  shared_.settle = [this] { settle(); };
  shared_.function_begins = [this](std::uint8_t function, std::uint8_t lun, const void* by) {
    for (const auto& host : hosts_) host->function_begins(function, lun, host.get() == by);
  };
  shared_.being_reset = [this](std::uint8_t lun) {
    return std::any_of(hosts_.begin(), hosts_.end(), [lun](const auto& host) { return host->resets(lun); });
  };
  for (std::uint8_t i = 1; i <= 3; ++i) hosts_.push_back(std::make_unique<Host>(shared_, i));
  for (const auto& host : hosts_) host->connect();
}

void Scenario::go() {
  for (int i = 0; i < kSteps; ++i) {
    step(*hosts_[random_.below(hosts_.size())]);
    if (random_.below(4) != 0) settle();
  }
  come_to_rest();
  for (const auto& host : hosts_) host->connect();  // whatever was lost on the way is over now
  for (std::uint32_t lba = 0; lba < 128; lba += 32) hosts_[0]->verify(0, lba, 32);
  for (std::uint32_t lba = 0; lba < 80; lba += 8) hosts_[0]->verify(1, lba, 8);
  world_.require_online();
}

std::uint64_t Scenario::trace() const {
  std::uint64_t all = 0;
  for (const auto& host : hosts_) all = all * 31 + host->trace();
  return all;
}

Host::Counts Scenario::counts() const {
  Host::Counts all;
  for (const auto& host : hosts_) all += host->counts();
  return all;
}

void Scenario::step(Host& host) {
  host.tidy();
  if (!host.connected()) {
    if (host.dark()) {
      host.recover();
    } else {
      host.connect();
    }
    settle();
    if (!host.connected()) return;
  }
  if (host.dark() && random_.below(4) == 0) return host.recover();
  const std::uint64_t what = random_.below(100);
  if (what < 29) return host.write();
  if (what < 51) return host.read();
  if (what < 72) return host.answer_r2t();
  if (what < 77) return host.heal();
  if (what < 82) return host.abort_one();
  if (what < 84) return host.manage(kAbortTaskSet);
  if (what < 86) return host.manage(kClearTaskSet);
  if (what < 88) return host.manage(kUnitReset);
  if (what < 90) return host.connect();  // breaks off and comes back
  if (what < 91) return host.log_out();
  if (what < 96) return act_on_connections(host);
  if (what < 99) return operate();
  world_.advance(std::chrono::milliseconds(random_.below(2000)));
}

void Scenario::act_on_connections(Host& host) {
  const std::uint64_t what = random_.below(5);
  if (what < 3 && shared_.several) return host.join();
  if (what < 4) return host.cut();
  host.recover();
}

void Scenario::operate() {
  switch (random_.below(8)) {
    case 0:
    case 1:
      return change_units();
    case 2:
      return world_.log_out_all(std::chrono::seconds(random_.below(3)));
    default:
      return inject();
  }
}

void Scenario::change_units() {
  const std::uint64_t began = ++shared_.clock;
  if (mapped_) {
    for (const auto& host : hosts_) host->unit_went_away(1);
  }
  mapped_ = !mapped_;
  world_.map(mapped_);
  ++shared_.clock;
  for (const auto& host : hosts_) host->units_changed(1, began);
}

void Scenario::inject() {
  const auto what = static_cast<std::uint8_t>(random_.below(128));
  const std::size_t lun = (what & 4) != 0 ? 1 : 0;
  if ((what & 3) == 1) ++shared_.injected.medium_errors[lun];
  if ((what & 3) == 2) ++shared_.injected.aborts[lun];
  if ((what & 3) == 3) ++shared_.injected.attentions[lun];
  world_.inject(what);
}

void Scenario::settle() {
  for (int round = 0;; ++round) {  // what a host reads lets the target go on
    world_.settle();
    bool heard = false;
    for (const auto& host : hosts_) heard = host->listen() || heard;
    if (!heard) break;
    if (round == kMostRounds) BROKEN("hosts and target do not come to rest");
  }
  shared_.arrived = shared_.clock;
  for (const auto& host : hosts_) {
    for (const Ended& ended : host->take_ended()) {
      for (const auto& other : hosts_) other->others_function(ended, other == host);
    }
  }
  for (const auto& host : hosts_) host->judge();
}

// Nothing is damaged any more, everything that waits for data gets them; everything that is held up ends within its
// limit.
void Scenario::come_to_rest() {
  shared_.damage = false;
  if (!mapped_) change_units();
  for (int second = 0; second < 200; ++second) {
    settle();
    bool idle = true;
    for (const auto& host : hosts_) {
      host->tidy();
      if (host->dark()) host->recover();
      if (!host->connected()) continue;
      host->answer_r2t();
      host->heal();
      idle = idle && (host->idle() || (second > kLimits && host->may_stay_unanswered()));
    }
    if (idle) return;
    if (second > 20) world_.advance(std::chrono::seconds(1));
  }
  for (const auto& host : hosts_) {
    if (host->connected() && !host->may_stay_unanswered()) {
      BROKEN(("never answered: " + host->pending()).c_str());
    }
  }
}

}  // namespace sim
