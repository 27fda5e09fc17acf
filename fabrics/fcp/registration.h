// Registration with the fabric's name server (FC-GS-7 6): a table of steps, each answered before the next, tried again
// from the start with growing pauses.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "hal/port/fc_port.h"
#include "hal/timer.h"

namespace fcp {

// What the name server is told.
struct Names {
  hal::fc::PortId id;
  hal::fc::Wwn port, node;
  std::string symbolic_port, symbolic_node;  // at most 255 bytes are sent
};

// On the port's reactor.
class Registration {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    virtual void registered(std::uint32_t tries) = 0;
    // `final`: it is not tried again before the link comes up anew.
    virtual void registration_failed(const char* step, const std::string& why, bool final) = 0;
  };
  static constexpr std::uint32_t kMaxTries = 10;

  Registration(hal::fc::FcPort& port, Host& host) : port_(port), host_(host) {}
  void start(Names names);  // again: from the first step, with new names
  void stop(const char* state);
  void login_answered(const base::Result<void>& result);
  void ct_answered(std::uint32_t id, hal::fc::CtStatus status, std::span<const std::byte> reply);
  const std::string& state() const { return state_; }

 private:
  static constexpr std::size_t kMaxRequest = 320;
  using Buffer = std::array<std::byte, kMaxRequest>;
  struct Step;
  static const Step kSteps[];
  static const std::size_t kStepCount;
  void run();
  void next();
  void failed(const std::string& why);
  static void due(void* context);

  hal::fc::FcPort& port_;
  Host& host_;
  Names names_;
  Buffer request_{};
  std::size_t at_ = 0;
  std::uint32_t tries_ = 0;
  std::uint32_t request_id_ = 0;  // of the CT request that is out; others' answers are of tries that were given up
  bool active_ = false;
  bool waits_ = false;  // for an answer; else for the time of the next try
  std::string state_ = "not in a fabric";
  hal::Timer timer_{&Registration::due, this};
};

}  // namespace fcp
