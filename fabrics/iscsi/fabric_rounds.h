// A round over all shards: each does its part on its reactor, the control reactor is told when all have.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fabrics/iscsi/fabric_control.h"

namespace iscsi {

template <class Part>
struct FabricControl::Round {  // deletes itself with its last part
  Round(std::vector<Part> all, const char* name, Finished<Part> callback)
      : parts(std::move(all)), left(parts.size()), what(name), done(std::move(callback)) {}
  void finish(base::Result<void> result) {
    timer.disarm();
    if (const Finished<Part> run = std::exchange(done, nullptr)) run(std::move(result), parts);
  }
  void part_done() {
    if (--left != 0) return;
    finish({});
    delete this;
  }
  static void timed_out(void* context) {
    auto& round = *static_cast<Round*>(context);
    round.finish(base::fail(base::Errc::kTimeout,
                            std::to_string(round.left) + " reactors did not finish in time: " + round.what));
  }
  std::vector<Part> parts;
  std::size_t left;
  const char* what;
  Finished<Part> done;
  hal::Timer timer{&Round::timed_out, this};
};

template <class Part>
void FabricControl::on_every_shard(base::Duration limit, const char* what, std::vector<Part> parts,
                                   OnShard<Part> on_shard, Finished<Part> done) {
  auto* const round = new Round<Part>(std::move(parts), what, std::move(done));
  round->timer.arm(control_.timers(), control_.now() + limit);
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    post(i, [this, round, on_shard](Shard& shard) {
      on_shard(shard, round->parts[shard.index()],
               [this, round] { control_.post_function([round] { round->part_done(); }); });
    });
  }
}

}  // namespace iscsi
