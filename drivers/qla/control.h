// Queue entries that are not about data: each has a slot until the adapter answers it, and waits there while the
// request ring is full or the adapter is being reset.
#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.h"
#include "drivers/qla/device.h"
#include "drivers/qla/handle.h"
#include "drivers/qla/rings.h"
#include "drivers/qla/wire.h"

namespace qla {

class ControlUser {
 public:
  virtual ~ControlUser() = default;
  // Exactly once for each entry, from the poll loop; null: the adapter was reset, or is not running.
  virtual void control_answered(std::uint32_t cookie, const wire::Entry* answer) = 0;
};

class Control {
 public:
  static constexpr std::size_t kSlots = 512;
  Control(Device& device, RequestRing& ring);
  ~Control();
  // Null: all slots are taken. Fill the entry (all but its handle), then send().
  template <class T>
  T* prepare(wire::EntryType type) {
    Slot* const slot = take();
    if (slot == nullptr) return nullptr;
    auto& entry = *reinterpret_cast<T*>(&slot->entry);
    static_assert(sizeof(T) == wire::kEntryBytes);
    entry.head.type = static_cast<std::uint8_t>(type);
    entry.head.count = 1;
    return &entry;
  }
  void send(ControlUser& user, std::uint32_t cookie);  // what was prepared last
  void answered(Handle handle, const wire::Entry& answer);
  bool poll();
  bool idle() const { return waiting_.empty(); }
  void check_limits(base::Time now);
  void reset();  // all answers are null now, in the next poll
  std::size_t in_use() const { return in_use_; }

 private:
  enum class State : std::uint8_t { kFree, kPrepared, kWaiting, kSent, kLost };
  struct Slot : base::ListHook<Slot> {
    wire::Entry entry{};
    State state = State::kFree;
    std::uint32_t generation = 0;
    std::uint32_t cookie = 0;
    ControlUser* user = nullptr;
    base::Time deadline{};
  };
  Slot* take();
  void finish(Slot& slot, const wire::Entry* answer);

  Device& device_;
  RequestRing& ring_;
  std::array<Slot, kSlots> slots_;
  base::IntrusiveList<Slot> free_, waiting_;  // waiting: for the ring, or to be answered with null
  Slot* prepared_ = nullptr;
  std::size_t in_use_ = 0;
};

}  // namespace qla
