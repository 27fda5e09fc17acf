// What reservations, mode pages and task management do to a whole logical unit: broadcasts from its home.
#include "scsi_core/lu_control.h"

#include <algorithm>
#include <memory>

#include "scsi_core/engine/abort.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"

namespace scsi {
namespace {

void add_port(const TargetPortIdentity& port, Reach& reach) {
  if (std::find(reach.ports.begin(), reach.ports.end(), port) == reach.ports.end()) reach.ports.push_back(port);
}

}  // namespace

void Router::add_reach(const LogicalUnit& lu, Reach& reach) {
  if (views_ != nullptr) reach.ports = views_->ports_of(lu);
  nexuses_.for_each([&](const Nexus& nexus) {
    const auto shows = [&](const LunMapEntry& entry) { return entry.lu == &lu; };
    const auto entries = nexus.map().entries();
    if (nexus.lost() || std::none_of(entries.begin(), entries.end(), shows)) return;
    add_port(nexus.port.identity(), reach);
    reach.nexuses.push_back(nexus.key);
  });
}

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

void establish_unit_attention(LogicalUnit& lu, SenseCode code, NexusFilter filter, std::function<void()> done) {
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
      [&home, done = std::move(done)] {
        if (done) done();
        home.unpin();
      });
}

void find_reach(LogicalUnit& lu, std::function<void(Reach)> done) {
  LuHome& home = lu.at_home();
  home.pin();
  auto* const parts = new std::vector<Reach>(lu.fleet().size());  // deleted at the end
  lu.fleet().on_each(
      lu.home(), [&lu, parts](std::size_t index) { lu.fleet().router(index).add_reach(lu, (*parts)[index]); },
      [&home, parts, done = std::move(done)] {
        const std::unique_ptr<std::vector<Reach>> last(parts);
        Reach whole;
        for (const Reach& part : *parts) {
          for (const TargetPortIdentity& port : part.ports) add_port(port, whole);
          whole.nexuses.insert(whole.nexuses.end(), part.nexuses.begin(), part.nexuses.end());
        }
        done(std::move(whole));
        home.unpin();
      });
}

const NexusKey& nexus_key(const Command& command) { return command.nexus->key; }

}  // namespace scsi
