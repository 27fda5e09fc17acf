// The process logins of remote initiators, found by S_ID for every command without allocation.
#pragma once

#include <cstdint>
#include <vector>

#include "hal/port/fc_port.h"

namespace qla {

enum class LoginState : std::uint8_t {
  kFree,
  kClosed,  // complete, but the queues' users do not all know it: commands are answered BUSY
  kOpen,
  kEnded,    // the user was told; its exchanges end
  kLeaving,  // the firmware is told to forget it
};

struct Login {
  LoginState state = LoginState::kFree;
  std::uint16_t nport = 0;  // the firmware's handle of the port
  std::uint32_t epoch = 0;  // Device::epoch at its beginning
  std::uint32_t service_parameters = 0;
  bool log_out = false;    // the initiator is to hear of it
  bool keep_port = false;  // only the process login ended (PRLO)
  hal::fc::RemotePort remote;
  bool working() const { return state == LoginState::kClosed || state == LoginState::kOpen; }
};

class Logins {
 public:
  explicit Logins(std::uint32_t count);
  static constexpr hal::fc::LoginId kNone = 0xffff;

  // kNone when all are taken. S_IDs are those of working logins only, each at most once.
  hal::fc::LoginId add(const Login& login);
  void end(hal::fc::LoginId id);      // not found by its S_ID any more
  void release(hal::fc::LoginId id);  // free
  hal::fc::LoginId find(std::uint32_t s_id) const {
    const Place* const places = places_.data();
    for (std::uint32_t i = place(s_id);; i = (i + 1) & mask_) {
      if (places[i].s_id == s_id) return places[i].login;
      if (places[i].s_id == kEmpty) return kNone;
    }
  }
  const Login& found(hal::fc::LoginId id) const { return logins_.data()[id]; }  // one that find() gave
  Login& operator[](hal::fc::LoginId id) { return logins_[id]; }
  const Login& operator[](hal::fc::LoginId id) const { return logins_[id]; }
  hal::fc::LoginId count() const { return static_cast<hal::fc::LoginId>(logins_.size()); }
  std::uint32_t working() const { return working_; }
  bool full() const { return free_.empty(); }
  bool valid(hal::fc::LoginId id) const { return id < logins_.size() && logins_[id].state != LoginState::kFree; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  struct Place {
    std::uint32_t s_id = kEmpty;
    hal::fc::LoginId login = kNone;
  };
  std::uint32_t place(std::uint32_t s_id) const { return (s_id * 0x9e3779b1u >> 8) & mask_; }
  void insert(hal::fc::LoginId id);

  std::vector<Login> logins_;
  std::vector<hal::fc::LoginId> free_;
  std::vector<Place> places_;  // open addressing, at most a quarter full
  std::uint32_t mask_;
  std::uint32_t working_ = 0;
};

}  // namespace qla
