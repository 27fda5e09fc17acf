// What reservations, mode pages and task management do to a whole logical unit: broadcasts from its home.
#include "scsi_core/lu_control.h"

#include "scsi_core/engine/abort.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"

namespace scsi {

void publish_denials(LogicalUnit& lu, std::function<std::uint8_t(const NexusKey&)> denials,
                     std::function<void()> done) {
  LuHome& home = lu.at_home();
  home.pin();
  lu.fleet().on_each(
      lu.home(),
      [&lu, denials](std::size_t index) {
        LuShard& shard = lu.shard(index);
        shard.denials = denials;
        shard.itls.for_each([&](ItlNexus& itl) { itl.denials = denials ? denials(itl.nexus->key) : std::uint8_t{0}; });
      },
      [&home, done = std::move(done)] {
        if (done) done();
        home.unpin();
      });
}

void abort_commands(LogicalUnit& lu, NexusFilter filter, const Command* except, bool tell, std::function<void()> done) {
  AbortOrder order;
  order.filter = std::move(filter);
  order.except = except;
  order.tell = tell;
  order.wait_for_home = false;
  abort_everywhere(lu, lu.home(), order, std::move(done));
}

void establish_unit_attention(LogicalUnit& lu, SenseCode code, NexusFilter filter) {
  LuHome& home = lu.at_home();
  home.pin();
  lu.fleet().on_each(
      lu.home(),
      [&lu, code, filter](std::size_t index) {
        LuShard* const shard = lu.shard_if_any(index);
        if (shard == nullptr) return;
        shard->itls.for_each([&](ItlNexus& itl) {
          if (!filter || filter(itl.nexus->key)) itl.attentions.establish(code);
        });
      },
      [&home] { home.unpin(); });
}

const NexusKey& nexus_key(const Command& command) { return command.nexus->key; }

}  // namespace scsi
