// Latency of commands that end in the round in which they came. The clock is read once per round: such a command has no
// duration of its own, so it is given the round's, which is known when the next one begins.
#pragma once

#include "base/intrusive_list.h"
#include "hal/reactor.h"

namespace scsi {

struct ItlNexus;
struct RoundTag;

class RoundEnd final : public hal::Poller {
 public:
  explicit RoundEnd(hal::Reactor& reactor) : reactor_(reactor) {}
  ~RoundEnd() override;
  void start();  // once the first nexus is there
  // The I_T_L nexus is about to count such a command in the first bucket; to be called once in a round.
  void note(ItlNexus& itl);
  void forget(ItlNexus& itl);

 private:
  bool poll() override;
  void settle();

  hal::Reactor& reactor_;
  base::Time round_{};  // in which those of the list were counted
  base::IntrusiveList<ItlNexus, RoundTag> itls_;
};

}  // namespace scsi
