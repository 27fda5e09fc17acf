// An FCP exchange as the driver sees it: the user's part, the firmware's names for it, and the transfers that are out.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "drivers/qla/handle.h"
#include "drivers/qla/wire.h"
#include "hal/port/fc_port.h"

namespace qla {

// One send_data or receive_data. Its data goes out in one CTIO, or in several after each other when it has more
// segments than one takes; what `data` says of segments and offset is what is left for the next.
struct DataStep {
  enum class State : std::uint8_t { kWaiting, kSent, kDone };
  hal::fc::ExchangeData data;
  Handle handle;  // of the CTIO that is out
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

  std::uint32_t number = 0;  // among the exchanges of the adapter: in handles
  // What all its CTIOs have in common: whose exchange it is, the firmware's name for it, the task attribute.
  wire::Ctio7Mode0 ctio{};
  std::uint16_t generation = 0;
  bool in_use = false;
  bool alive = false;     // the firmware has this exchange; else nothing is sent for it any more
  bool finished = false;  // its response, or its end, is with the firmware: no further CTIO
  bool aborted = false;   // by ABTS
  bool confirms = false;  // its initiator knows FCP_CONF
  bool ending_sent = false;
  bool terminate_wanted = false;     // of ourselves: hastens the CTIOs that are out
  bool terminate_requested = false;  // by the user: what comes back early is kTerminated
  Ending ending = Ending::kNone;
  std::uint8_t first = 0, steps = 0;  // of `step`, a ring
  std::uint32_t abort_cookie = 0;     // of the ABTS
  Slot* next_free = nullptr;
  base::Time deadline{};  // for the CTIOs that are out
  std::array<DataStep, kSteps> step;
  wire::Ctio7Mode0 ending_ctio{};  // while it waits for room

  std::uint32_t part(std::uint32_t i) const { return (first + i) % kSteps; }
  DataStep& at(std::uint32_t i) { return step[part(i)]; }
  const DataStep& at(std::uint32_t i) const { return step[part(i)]; }
  bool sent() const {
    for (std::uint32_t i = 0; i < steps; ++i) {
      if (at(i).state == DataStep::State::kSent) return true;
    }
    return ending_sent;
  }
};

}  // namespace qla
