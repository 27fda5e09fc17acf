// Adds and removes logins; the table of S_IDs is made anew when one goes.
#include "drivers/qla/logins.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace qla {

Logins::Logins(std::uint32_t count)
    : logins_(count), places_(std::bit_ceil(count * 4)), mask_(static_cast<std::uint32_t>(places_.size()) - 1) {
  CHECK(count > 0 && count < kNone);
  for (std::uint32_t i = count; i > 0; --i) free_.push_back(static_cast<hal::fc::LoginId>(i - 1));
}

hal::fc::LoginId Logins::add(const Login& login) {
  if (free_.empty()) return kNone;
  const hal::fc::LoginId id = free_.back();
  free_.pop_back();
  logins_[id] = login;
  insert(id);
  ++working_;
  return id;
}

void Logins::insert(hal::fc::LoginId id) {
  std::uint32_t i = place(logins_[id].remote.id.raw);
  while (places_[i].s_id != kEmpty) i = (i + 1) & mask_;
  places_[i] = {logins_[id].remote.id.raw, id};
}

void Logins::end(hal::fc::LoginId id) {
  CHECK(logins_[id].working());
  logins_[id].state = LoginState::kEnded;
  --working_;
  std::fill(places_.begin(), places_.end(), Place{});
  for (hal::fc::LoginId i = 0; i < logins_.size(); ++i) {
    if (logins_[i].working()) insert(i);
  }
}

void Logins::release(hal::fc::LoginId id) {
  CHECK(logins_[id].state == LoginState::kEnded || logins_[id].state == LoginState::kLeaving);
  logins_[id] = Login{};
  free_.push_back(id);
}

}  // namespace qla
