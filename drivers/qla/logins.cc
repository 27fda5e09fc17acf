// Adds and removes logins; the table of S_IDs is made anew when one goes.
#include "drivers/qla/logins.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace qla {

Logins::Logins(std::uint32_t count, std::size_t queues)
    : logins_(count),
      generations_(count),
      free_(queues),
      usable_(queues),
      places_(std::bit_ceil(count * 4)),
      mask_(static_cast<std::uint32_t>(places_.size()) - 1) {
  CHECK(count > 0 && count < kNone);
  for (std::uint32_t i = count; i > 0; --i) {
    const auto id = static_cast<hal::fc::LoginId>(i - 1);
    free_[hal::fc::FcPort::queue_of(id, queues)].push_back(id);
  }
}

// The free numbers of the queue that has most of them; null: there are none.
const Logins::Ids* Logins::next_queue() const {
  const auto end = free_.begin() + static_cast<std::ptrdiff_t>(usable_);
  const auto most =
      std::max_element(free_.begin(), end, [](const Ids& one, const Ids& other) { return one.size() < other.size(); });
  return most->empty() ? nullptr : &*most;
}

hal::fc::LoginId Logins::add(const Login& login) {
  const Ids* const ids = next_queue();
  if (ids == nullptr) return kNone;
  const hal::fc::LoginId id = ids->back();
  free_[hal::fc::FcPort::queue_of(id, free_.size())].pop_back();
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
  generations_[id].store(generation(id) + 1, std::memory_order_release);
  --working_;
  std::fill(places_.begin(), places_.end(), Place{});
  for (std::size_t i = 0; i < logins_.size(); ++i) {
    if (logins_[i].working()) insert(static_cast<hal::fc::LoginId>(i));
  }
}

void Logins::release(hal::fc::LoginId id) {
  CHECK(logins_[id].state == LoginState::kEnded || logins_[id].state == LoginState::kLeaving);
  logins_[id] = Login{};
  free_[hal::fc::FcPort::queue_of(id, free_.size())].push_back(id);
}

}  // namespace qla
