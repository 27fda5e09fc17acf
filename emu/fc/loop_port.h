// A port's part in an arbitrated loop (FC-AL-2): initialisation, in which ports find a master and take addresses, and
// the passing on of what is not for it.
//
// Every port hears its predecessor and talks to its successor; a wire to a hub or to one other port alike. Of the
// ordered sets only LIP is modelled: arbitration, OPN and CLS are what the wire's credit already does.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/clock.h"
#include "emu/wire.h"
#include "hal/port/fc_frame.h"
#include "hal/port/fc_port.h"

namespace emu::fc {

class LoopPort {
 public:
  explicit LoopPort(Wire& wire) : wire_(wire) {}
  void set(hal::fc::Wwn port_name, std::uint8_t hard_address) {
    name_ = port_name;
    hard_address_ = hard_address;
  }
  void begin(base::Time now);  // sends LIP
  void stop();
  bool initializing() const { return state_ == State::kLip || state_ == State::kSelect || state_ == State::kAddress; }
  bool ready() const { return state_ == State::kReady; }
  bool unanswered() const { return state_ == State::kLip; }
  bool alone(base::Time now) const { return unanswered() && now >= since_ + kAlone; }  // nobody answers LIP
  std::uint8_t al_pa() const { return al_pa_; }
  const std::vector<std::uint8_t>& positions() const { return positions_; }

  bool poll(base::Time now);                         // sends what is queued
  bool ordered_set(std::span<const std::byte> set);  // true: LIP, initialisation began anew
  static bool is_initialization(const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void initialization_frame(std::span<const std::byte> frame);
  void pass_on(std::span<const std::byte> frame);  // to the successor, in order
  bool congested() const { return out_.size() > kMostPassed; }

 private:
  enum class State : std::uint8_t {
    kOff,
    kLip,      // LIP is out; nothing has come back
    kSelect,   // the smallest name becomes master
    kAddress,  // maps go round, each port takes its AL_PA
    kReady,
  };
  static constexpr base::Duration kAlone = std::chrono::milliseconds(60), kLipAgain = std::chrono::milliseconds(20),
                                  kRetry = std::chrono::milliseconds(200);
  static constexpr std::size_t kMostPassed = 64;
  void send_lip();
  void select();
  void send(std::uint16_t identifier, std::span<const std::byte> body);
  void select_frame(std::span<const std::byte> frame, std::span<const std::byte> body);
  void master_frame(std::uint16_t identifier, std::span<const std::byte> body);
  void take_address(std::uint16_t identifier, std::span<std::byte> map);
  void take_position(std::span<std::byte> list);
  void learn_positions(std::span<const std::byte> list);

  Wire& wire_;
  hal::fc::Wwn name_;
  std::uint8_t hard_address_ = 0, al_pa_ = 0, previous_ = 0;  // previous: of the last initialisation
  State state_ = State::kOff;
  bool master_ = false;
  base::Time now_{}, since_{}, lip_at_{};  // since: of the state
  std::vector<std::uint8_t> positions_;
  std::deque<std::vector<std::byte>> out_;
};

}  // namespace emu::fc
