// The process logins of remote initiators, found by S_ID for every command without allocation.
#pragma once

#include <atomic>
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

struct Sender {             // what the exchanges of a login need of it
  std::uint16_t nport = 0;  // the firmware's handle of the port
  bool confirms = false;    // it knows FCP_CONF
};

struct Login : Sender {
  LoginState state = LoginState::kFree;
  std::uint32_t epoch = 0;  // Device::epoch at its beginning
  std::uint32_t service_parameters = 0;
  bool log_out = false;    // the initiator is to hear of it
  bool keep_port = false;  // only the process login ended (PRLO)
  hal::fc::RemotePort remote;
  bool working() const { return state == LoginState::kClosed || state == LoginState::kOpen; }
};

class Logins {
 public:
  explicit Logins(std::uint32_t count, std::size_t queues = 1);
  static constexpr hal::fc::LoginId kNone = 0xffff;

  // With fewer queues than there are, new logins are those of the first so many.
  void use_queues(std::size_t queues) { usable_ = queues; }
  // kNone when all are taken; by the queue that has the fewest. S_IDs are those of working logins only, each at most
  // once.
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
  bool full() const { return next_queue() == nullptr; }
  // Any thread: another one means that the login has ended. Of one that is working when its number is taken.
  std::uint32_t generation(hal::fc::LoginId id) const { return generations_[id].load(std::memory_order_acquire); }
  bool valid(hal::fc::LoginId id) const { return id < logins_.size() && logins_[id].state != LoginState::kFree; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  struct Place {
    std::uint32_t s_id = kEmpty;
    hal::fc::LoginId login = kNone;
  };
  std::uint32_t place(std::uint32_t s_id) const { return (s_id * 0x9e3779b1u >> 8) & mask_; }
  void insert(hal::fc::LoginId id);
  using Ids = std::vector<hal::fc::LoginId>;
  const Ids* next_queue() const;

  std::vector<Login> logins_;
  std::vector<std::atomic<std::uint32_t>> generations_;
  std::vector<Ids> free_;  // by queue
  std::size_t usable_;
  std::vector<Place> places_;  // open addressing, at most a quarter full
  std::uint32_t mask_;
  std::uint32_t working_ = 0;
};

}  // namespace qla
