// Link services of remote ports (immediate notify, notify acknowledge), and the logins that come and go with them.
//
// A PLOGI or PRLI of a port that is logged in already ends that login first: its acknowledgement waits until the user
// has let go of it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "drivers/qla/control.h"
#include "drivers/qla/logins.h"
#include "drivers/qla/pairs.h"
#include "drivers/qla/queue.h"

namespace qla {

class LinkServices final : public ControlUser {
 public:
  LinkServices(Device& device, Control& control, Logins& logins, TargetQueue& queue, const Pairs* pairs,
               std::uint8_t vp);
  void set_user(hal::fc::FcPortUser* user) { user_ = user; }

  void notified(const wire::ImmediateNotify& notify);  // from the rings
  void refuse(const wire::ImmediateNotify& notify);    // one for a port that is not there
  void answer(std::uint32_t id, const hal::fc::LinkServiceAnswer& answer);
  void open_login(hal::fc::LoginId id);
  void end_login(hal::fc::LoginId id);  // the user's wish: the initiator hears of it
  void release_login(hal::fc::LoginId id);
  // The adapter says that a port is logged out.
  void port_logged_out(std::uint16_t nport);
  void end_all(bool log_out);
  void end(hal::fc::LoginId id);
  void reset();  // what the firmware knew is gone: all logins end
  bool poll();   // answers that are owed to the user
  bool idle() const { return owed_logins_.empty(); }
  void control_answered(std::uint32_t cookie, const wire::Entry* answer) override;

 private:
  static constexpr std::size_t kPending = 256;
  enum class State : std::uint8_t { kFree, kAsked, kHeld, kClearing, kAnswering };
  struct Pending {  // a request that waits for its answer
    State state = State::kFree;
    std::uint16_t generation = 0;
    bool accept = false;
    hal::fc::LinkServiceKind kind{};
    hal::fc::LinkServiceAnswer answer;
    wire::ImmediateNotify notify{};
    bool had_login = false;  // the firmware is to forget what it knew of the port
  };
  enum class Purpose : std::uint8_t { kAcknowledged, kCleared, kLoggedOut, kIgnored };
  static std::uint32_t cookie(Purpose purpose, std::size_t slot) {
    return static_cast<std::uint32_t>(purpose) << 24 | static_cast<std::uint32_t>(slot);
  }
  static hal::fc::RemotePort port_of(const wire::ImmediateNotify& notify, hal::fc::LinkServiceKind kind);
  static std::uint32_t service_parameters_of(const wire::ImmediateNotify& notify);
  void els(const wire::ImmediateNotify& notify);
  void not_els(const wire::ImmediateNotify& notify, wire::NotifyStatus status);
  bool end_logins_of(const hal::fc::RemotePort& port, bool keep_port = false);
  bool busy_with(const hal::fc::RemotePort& port) const;
  void proceed(std::size_t slot);
  wire::NotifyAck* prepare_acknowledge(const wire::ImmediateNotify& notify);
  void refuse_retransmission(const wire::ImmediateNotify& notify);
  bool acknowledge(const wire::ImmediateNotify& notify, const hal::fc::LinkServiceAnswer& answer, Purpose purpose,
                   std::size_t slot);
  void acknowledged(std::size_t slot, const wire::Entry* answer);
  void log_in(const Pending& pending);
  void forget(hal::fc::LoginId id);
  bool log_out(std::uint16_t nport, hal::fc::PortId port, std::uint16_t flags, Purpose purpose, std::size_t slot);
  void resume_held();

  Device& device_;
  Control& control_;
  Logins& logins_;
  TargetQueue& queue_;
  const Pairs* const pairs_;  // of the physical port, or null
  const std::uint8_t vp_;
  hal::fc::FcPortUser* user_ = nullptr;
  std::array<Pending, kPending> pending_;
  std::vector<hal::fc::LoginId> owed_logins_;  // end_login: login_ended comes from the next poll
};

}  // namespace qla
