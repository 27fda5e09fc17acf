// The tables of steps, and how they are walked.
#include "drivers/qla/bringup.h"

#include <fmt/format.h>

namespace qla {
namespace {

using std::chrono::seconds;
using Step = Bringup::Step;
constexpr std::size_t kStepsToStill = 5;

}  // namespace

std::span<const Step> Bringup::reset_steps() {
  using B = Bringup;
  static constexpr Step kSteps[] = {
      {"queues at rest", &B::halt_pairs, &B::pairs_there, seconds(5)},
      {"stop DMA", &B::stop_dma, &B::dma_stopped, seconds(1)},
      {"soft reset", &B::soft_reset, &B::soft_reset_done, seconds(1)},
      {"boot code", &B::release_risc, &B::boot_code_ready, seconds(3)},
      {"adapter still", &B::tell_still, &B::pairs_there, seconds(5)},
      {"dump", &B::begin_dump, &B::poll_dump, seconds(30)},
      {"flash layout", &B::begin_layout, &B::poll_layout, seconds(15)},
      {"firmware image", &B::begin_images, &B::poll_images, seconds(15)},
      {"NVRAM", &B::begin_nvram, &B::poll_nvram, seconds(5)},  // a dword; Linux looks 30,000 times, 10 us apart
      {"register test", &B::register_test, &B::register_test_done, seconds(15)},
      {"load firmware", &B::begin_firmware, &B::poll_firmware, seconds(60)},
      {"verify checksum", &B::verify_checksum, &B::mailbox_answered, seconds(15)},
      {"execute firmware", &B::execute, &B::mailbox_answered, seconds(15)},
      {"firmware version", &B::ask_version, &B::take_version, seconds(15)},
      {"resources", &B::ask_resources, &B::take_resources, seconds(15)},
      {"firmware options", &B::set_options, &B::mailbox_answered, seconds(15)},
      {"initialize firmware", &B::initialize, &B::initialized, seconds(15)},
      {"queues", &B::begin_pairs, &B::poll_pairs, seconds(15)},
  };
  return kSteps;
}

std::span<const Step> Bringup::link_steps() {
  using B = Bringup;
  static constexpr Step kSteps[] = {
      {"mailbox free", &B::nothing, &B::mailbox_free, seconds(30)},
      {"firmware state", &B::ask_state, &B::poll_state, seconds(30)},
      {"timeouts", &B::ask_timeouts, &B::timeouts_done, seconds(15)},
      {"marker", &B::send_marker, &B::done, seconds(1)},
      {"adapter id", &B::ask_id, &B::poll_id, seconds(20)},
      {"data rate", &B::ask_rate, &B::take_rate, seconds(15)},
      {"peer name", &B::ask_peer_name, &B::take_peer_name, seconds(15)},
      {"logins", &B::begin_logins, &B::poll_logins, seconds(30)},
  };
  return kSteps;
}

void Bringup::begin(std::span<const Step> steps) {
  steps_ = steps;
  at_ = 0;
  error_.clear();
  enter();
}

void Bringup::begin_reset(Dump* dump) {
  dump_ = dump;
  marker_sent_ = false;
  begin(reset_steps());
}

void Bringup::begin_link() { begin(link_steps()); }

void Bringup::begin_off() { begin(reset_steps().first(kStepsToStill)); }

void Bringup::enter() {
  const Step& step = steps_[at_];
  deadline_ = device_.reactor.now() + step.limit;
  retry_at_ = {};
  device_.note(Event::kStep, step.name);
  (this->*step.enter)();
}

bool Bringup::waits() const { return retry_at_ > device_.reactor.now(); }

Bringup::Outcome Bringup::failed(const std::string& why) {
  error_ = fmt::format("{}: {}", steps_[at_].name, why);
  steps_ = {};
  return Outcome::kFailed;
}

Bringup::Outcome Bringup::poll() {
  while (running()) {
    const Step& step = steps_[at_];
    switch ((this->*step.poll)()) {
      case Progress::kFailed:
        return failed(error_.empty() ? "failed" : error_);
      case Progress::kWait:
        if (device_.reactor.now() >= deadline_) return failed(error_.empty() ? "no answer" : error_);
        return Outcome::kRunning;
      case Progress::kNext:
        break;
    }
    error_.clear();
    if (++at_ == steps_.size()) {
      steps_ = {};
      return Outcome::kDone;
    }
    enter();
  }
  return Outcome::kDone;
}

Progress Bringup::mailbox_answered() {
  if (!call_.idle()) return Progress::kWait;
  if (call_.ok()) return Progress::kNext;
  error_ = fmt::format("mailbox status {:04x}", call_.out[0]);
  return Progress::kFailed;
}

}  // namespace qla
