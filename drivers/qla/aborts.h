// ABTS of initiators: the user ends the exchange, then BA_ACC; BA_RJT for an exchange that is not there.
#pragma once

#include <array>
#include <cstdint>

#include "drivers/qla/control.h"
#include "drivers/qla/logins.h"
#include "drivers/qla/pairs.h"
#include "drivers/qla/queue.h"

namespace qla {

class Aborts final : public ControlUser, public ExchangeWatcher {
 public:
  // `pairs`: those of a port that has any, else null.
  Aborts(Device& device, Control& control, const Logins& logins, TargetQueue& queue, const Pairs* pairs);
  void received(const wire::AbtsReceived& abts);  // from the rings
  void reset();
  void aborted_exchange_gone(std::uint32_t cookie) override { finish(cookie, true); }
  void answered(const AbortAnswer& answer) { finish(answer.cookie, answer.found); }  // by a pair
  void control_answered(std::uint32_t cookie, const wire::Entry* answer) override;

 private:
  static constexpr std::size_t kPending = 128;
  enum class State : std::uint8_t { kFree, kWaiting, kAnswering };
  struct Pending {
    State state = State::kFree;
    bool again = false;  // answered a second time, after terminating the exchange by a CTIO
    std::uint16_t generation = 0;
    wire::AbtsReceived abts{};
  };
  static constexpr std::uint32_t kNobody = 0xffff;
  bool begin(const wire::AbtsReceived& abts, hal::fc::LoginId login, std::uint32_t cookie);
  void finish(std::uint32_t cookie, bool found);
  void refuse(const wire::AbtsReceived& abts);
  bool answer(const wire::AbtsReceived& abts, bool accept, std::uint32_t cookie);
  void terminate(const wire::AbtsReceived& abts);

  Device& device_;
  Control& control_;
  const Logins& logins_;
  TargetQueue& queue_;
  const Pairs* const pairs_;
  std::array<Pending, kPending> pending_;
};

}  // namespace qla
