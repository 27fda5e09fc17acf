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

// Answers of all logical units, from their home reactors.
struct Gathering {
  std::vector<UnitState> units;
  base::Result<void> result;
  std::size_t left = 1;
  std::function<void(Gathering&)> done;
  void answered(base::Result<void> one) {
    if (result && !one) result = std::move(one);
    if (--left != 0) return;
    const std::unique_ptr<Gathering> last(this);
    done(*this);
  }
};

}  // namespace

void Core::hand_over(std::function<void(base::Result<std::vector<UnitState>>)> done) {
  auto* const all = new Gathering;  // deletes itself with its last answer
  all->done = [done = std::move(done)](Gathering& gathered) {
    if (!gathered.result) return done(tl::unexpected<base::Error>(gathered.result.error()));
    done(std::move(gathered.units));
  };
  for (const auto& [name, unit] : impl_->units) {
    LogicalUnit& lu = *unit;
    ++all->left;
    lu.at_home().pin();
    lu.home().post_function([this, all, &lu] {
      auto* const state = new base::Result<UnitState>(state_of_unit(lu));  // deleted there
      impl_->control.post_function([all, &lu, state] {
        const std::unique_ptr<base::Result<UnitState>> mine(state);
        lu.at_home().unpin();
        base::Result<void> result;
        if (*mine) {
          all->units.push_back(std::move(**mine));
        } else {
          result = tl::unexpected<base::Error>(mine->error());
        }
        all->answered(std::move(result));
      });
    });
  }
  impl_->control.post_function([all] { all->answered({}); });
}

void Core::take_over(std::vector<UnitState> units, Done done) {
  auto* const all = new Gathering;  // likewise
  all->units = std::move(units);
  all->done = [done = std::move(done)](const Gathering& gathered) { done(gathered.result); };
  for (UnitState& state : all->units) {
    LogicalUnit* const lu = impl_->find(state.name);
    ++all->left;
    if (lu == nullptr) {
      impl_->control.post_function([all, name = state.name] {
        all->answered(base::fail(base::Errc::kNotFound, "there is no logical unit " + name + " to take over"));
      });
      continue;
    }
    lu->at_home().pin();
    lu->home().post_function([this, all, lu, &state] {
      impl_->control.post_function([all, lu, result = take_over_unit(*lu, state)] {
        lu->at_home().unpin();
        all->answered(result);
      });
    });
  }
  impl_->control.post_function([all] { all->answered({}); });
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
