// An FCP exchange as the driver sees it: the user's part, the firmware's names for it, and the transfers that are out.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "drivers/qla/wire.h"
#include "hal/port/fc_port.h"

namespace qla {

// One send_data or receive_data. Its data goes out in one CTIO, or in several after each other when it has more
// segments than one takes.
struct DataStep {
  enum class State : std::uint8_t { kWaiting, kSent, kDone };
  hal::fc::ExchangeData data;
  std::uint32_t segment = 0;  // first of the CTIO that is next
  std::uint32_t moved = 0;    // bytes of the CTIOs before it
  State state = State::kWaiting;
  hal::fc::DataStatus status = hal::fc::DataStatus::kDone;
  bool to_initiator = true;
  bool status_next = false;  // the data has gone; a CTIO of its own carries status and residual
};

enum class Ending : std::uint8_t { kNone, kResponse, kTerminate, kLocal };
struct WaitTag;  // for room in the request ring
struct OwedTag;  // answers that come from ourselves
using WaitHook = base::ListHook<WaitTag>;
using OwedHook = base::ListHook<OwedTag>;

struct Slot : hal::fc::Exchange, WaitHook, OwedHook {
  static constexpr std::uint32_t kSteps = hal::fc::FcQueue::kMaxData;

  // The firmware's.
  std::uint32_t address = 0;
  std::uint32_t s_id = 0;
  std::uint16_t nport = 0;
  std::uint16_t attribute_flags = 0;  // of its CTIOs: task attribute

  std::uint16_t generation = 0;
  bool in_use = false;
  bool alive = false;     // the firmware has this exchange; else nothing is sent for it any more
  bool finished = false;  // its response, or its end, is with the firmware: no further CTIO
  bool aborted = false;   // by ABTS
  bool ending_sent = false;
  bool terminate_wanted = false;     // of ourselves: hastens the CTIOs that are out
  bool terminate_requested = false;  // by the user: what comes back early is kTerminated
  Ending ending = Ending::kNone;
  std::uint8_t first = 0, steps = 0;  // of `step`, a ring
  base::Time deadline{};              // for the CTIOs that are out
  std::array<DataStep, kSteps> step;
  wire::Entry ending_entry;  // while it waits for room

  DataStep& at(std::uint32_t i) { return step[(first + i) % kSteps]; }
  const DataStep& at(std::uint32_t i) const { return step[(first + i) % kSteps]; }
  bool sent() const {
    for (std::uint32_t i = 0; i < steps; ++i) {
      if (at(i).state == DataStep::State::kSent) return true;
    }
    return ending_sent;
  }
};

}  // namespace qla
