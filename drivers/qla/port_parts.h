// What each N_Port_ID of ours has for itself: logins, exchanges, link services, ABTS, requests. The physical port is
// vp 0; virtual ports count from 1, as the firmware does.
#pragma once

#include <cstdint>

#include "drivers/qla/aborts.h"
#include "drivers/qla/link_services.h"
#include "drivers/qla/logins.h"
#include "drivers/qla/queue.h"
#include "drivers/qla/requests.h"

namespace qla {

// How long a port that goes off the link waits for answers to its LOGOs: E_D_TOV. Who answers at all does so by then;
// the firmware itself would wait for twice R_A_TOV, 20 s, for an initiator that has vanished.
constexpr base::Duration kFarewellLimit = std::chrono::seconds(2);

struct PortParts {
  // `place`: its exchanges among those of the adapter. `pairs`: more queues, `queues` with this one.
  PortParts(Device& device, Control& control, RequestRing& ring, const Memory& memory, QueuePlace place,
            std::uint32_t logins_count, const Pairs* pairs = nullptr, std::size_t queues = 1)
      : vp(place.vp),
        logins(logins_count, queues),
        queue(device, ring, memory, logins, place),
        services(device, control, logins, queue, pairs, place.vp),
        aborts(device, control, logins, queue, pairs),
        requests(device, control, memory, place.vp) {}

  void set_user(hal::fc::FcPortUser& user) {
    services.set_user(&user);
    requests.set_user(&user);
  }
  bool poll() {
    const bool worked = queue.poll();
    return services.poll() || worked;
  }
  bool idle() const { return queue.idle() && services.idle(); }
  // Nothing is out, and all logins were let go of.
  bool quiet() const {
    bool any = queue.in_use() != 0;
    for (hal::fc::LoginId id = 0; id < logins.count(); ++id) any |= logins.valid(id);
    return !any;
  }
  // The user has let go; all that is missing are answers to our LOGOs.
  bool released() const {
    bool all = queue.in_use() == 0;
    for (hal::fc::LoginId id = 0; id < logins.count(); ++id) {
      all &= !logins.valid(id) || logins[id].state == LoginState::kLeaving;
    }
    return all;
  }
  void reset() {  // the adapter has forgotten everything
    aborts.reset();
    queue.reset();
    services.reset();
  }

  const std::uint8_t vp;
  Logins logins;
  TargetQueue queue;
  LinkServices services;
  Aborts aborts;
  Requests requests;
};

}  // namespace qla
