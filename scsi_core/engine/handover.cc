// Logical units and nexuses on their way to another process, and their arrival there.
#include "scsi_core/handover.h"

#include <memory>
#include <utility>

#include "base/log.h"
#include "scsi_core/engine/core_impl.h"
#include "scsi_core/reservation/reservations.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("core");

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

}  // namespace

void Core::hand_over(std::function<void(base::Result<std::vector<UnitState>>)> done) {
  struct Gathering {
    std::vector<UnitState> units;
    base::Result<void> result;
    std::size_t left = 1;
    std::function<void(base::Result<std::vector<UnitState>>)> done;
    void answered() {
      if (--left != 0) return;
      const std::unique_ptr<Gathering> last(this);
      if (!result) return done(tl::unexpected<base::Error>(result.error()));
      done(std::move(units));
    }
  };
  auto* const all = new Gathering{{}, {}, 1, std::move(done)};  // deletes itself with its last answer
  for (const auto& [name, unit] : impl_->units) {
    LogicalUnit& lu = *unit;
    ++all->left;
    lu.at_home().pin();
    lu.home().post_function([this, all, &lu] {
      auto* const state = new base::Result<UnitState>(state_of_unit(lu));  // deleted there
      impl_->control.post_function([all, &lu, state] {
        const std::unique_ptr<base::Result<UnitState>> mine(state);
        lu.at_home().unpin();
        if (*mine) {
          all->units.push_back(std::move(**mine));
        } else {
          all->result = tl::unexpected<base::Error>(mine->error());
        }
        all->answered();
      });
    });
  }
  impl_->control.post_function([all] { all->answered(); });
}

void Core::inherit(std::vector<UnitState> units) {
  for (UnitState& unit : units) {
    std::string name = unit.name;
    impl_->inherited.insert_or_assign(std::move(name), std::move(unit));
  }
}

// On the home reactor, between power on and the first command.
void Core::Impl::take_over(LogicalUnit& lu, const UnitState& state) {
  const auto set = [&lu](LuFlag flag, bool on) {
    if (on) lu.flags.fetch_or(flag, std::memory_order_release);
  };
  set(kLuStopped, state.stopped);
  set(kLuEjected, state.ejected);
  base::Result<void> taken = lu.server().take_over(lu, state.device);
  if (taken) taken = lu.reservations().take_over(state.reservations);
  if (!taken) kLog.error("{}: its state did not come over whole: {}", state.name, taken.error().text);
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
