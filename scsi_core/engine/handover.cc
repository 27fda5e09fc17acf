// Logical units and nexuses on their way to another process, and their arrival there.
#include "scsi_core/handover.h"

#include <memory>
#include <utility>

#include "scsi_core/engine/core_impl.h"
#include "scsi_core/reservation/reservations.h"

namespace scsi {
namespace {

// On its home reactor.
base::Result<UnitState> state_of_unit(LogicalUnit& lu) {
  UnitState state;
  state.name = lu.config().name;
  const std::uint32_t flags = lu.flags.load(std::memory_order_acquire);
  if ((flags & kLuFailed) != 0) {
    return base::fail(base::Errc::kBusy, state.name + " is offline with commands that have not come back");
  }
  state.stopped = (flags & kLuStopped) != 0;
  state.ejected = (flags & kLuEjected) != 0;
  lu.server().hand_over(state.device);
  state.reservations = lu.reservations().table().hand_over();
  TRY(lu.backstore().hand_over(state.medium));
  return state;
}

// Likewise.
base::Result<void> take_over_unit(LogicalUnit& lu, UnitState& state) {
  const auto set = [&lu](LuFlag flag, bool on) {
    if (on) lu.flags.fetch_or(flag, std::memory_order_release);
  };
  set(kLuStopped, state.stopped);
  set(kLuEjected, state.ejected);
  TRY(lu.server().take_over(lu, state.device));
  TRY(lu.reservations().take_over(state.reservations));
  return lu.backstore().take_over(state.medium);
}

// The logical units of one reactor, and their states in the same order.
struct Share {
  std::vector<LogicalUnit*> units;
  std::vector<UnitState> states;
  base::Result<void> result;
  void add(LogicalUnit& lu) {
    lu.at_home().pin();
    units.push_back(&lu);
  }
};
using Shares = std::vector<Share>;  // by reactor

// `work` on each home reactor, then `done` on the control reactor, with the first failure.
void at_homes(Core::Impl& core, Shares shares, void (*work)(Share&),
              std::function<void(base::Result<void>, Shares&)> done) {
  const auto all = std::make_shared<Shares>(std::move(shares));
  core.fleet.on_each(
      core.control, [all, work](std::size_t index) { work((*all)[index]); },
      [all, done = std::move(done)] {
        base::Result<void> result;
        for (const Share& share : *all) {
          for (LogicalUnit* const lu : share.units) lu->at_home().unpin();
          if (result && !share.result) result = share.result;
        }
        done(std::move(result), *all);
      });
}

void describe(Share& share) {
  for (LogicalUnit* const lu : share.units) {
    auto state = state_of_unit(*lu);
    if (state) {
      share.states.push_back(std::move(*state));
    } else {
      share.result = tl::unexpected<base::Error>(state.error());
    }
  }
}

void take_in(Share& share) {
  for (std::size_t i = 0; i < share.units.size(); ++i) {
    if (auto taken = take_over_unit(*share.units[i], share.states[i]); !taken) share.result = std::move(taken);
  }
}

}  // namespace

void Core::hand_over(std::function<void(base::Result<std::vector<UnitState>>)> done) {
  Shares shares(impl_->fleet.size());
  for (const auto& [name, lu] : impl_->units) shares[lu->at_home().index()].add(*lu);
  at_homes(*impl_, std::move(shares), &describe,
           [done = std::move(done)](const base::Result<void>& result, Shares& described) {
             if (!result) return done(tl::unexpected<base::Error>(result.error()));
             std::vector<UnitState> units;
             for (Share& share : described) {
               for (UnitState& state : share.states) units.push_back(std::move(state));
             }
             done(std::move(units));
           });
}

void Core::take_over(std::vector<UnitState> units, Done done) {
  Shares shares(impl_->fleet.size());
  for (UnitState& state : units) {
    if (impl_->find(state.name) != nullptr) continue;
    return impl_->answer(std::move(done),
                         base::fail(base::Errc::kNotFound, "there is no logical unit " + state.name + " to take over"));
  }
  for (UnitState& state : units) {
    LogicalUnit& lu = *impl_->find(state.name);
    Share& share = shares[lu.at_home().index()];
    share.add(lu);
    share.states.push_back(std::move(state));
  }
  at_homes(*impl_, std::move(shares), &take_in,
           [done = std::move(done)](base::Result<void> result, const Shares&) { done(std::move(result)); });
}

void Router::nexus_handed_over(const Nexus& nexus, NexusState& out) {
  for_each_itl(const_cast<Nexus&>(nexus), [&](const ItlNexus& itl) {
    const auto pending = itl.attentions.all();
    out.units.push_back({itl.lun, {pending.begin(), pending.end()}});
  });
}

// Logical units that it does not see (any more) are passed over.
void Router::nexus_taken_over(Nexus& nexus, const NexusState& state) {
  for (const NexusState::Unit& unit : state.units) {
    ItlNexus* const itl = nexus.itl(unit.lun) != nullptr ? nexus.itl(unit.lun) : make_itl(nexus, unit.lun);
    if (itl == nullptr) continue;
    itl->attentions = {};
    for (const SenseCode& code : unit.attentions) itl->attentions.establish(code);
  }
}

}  // namespace scsi
