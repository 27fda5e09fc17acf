// Changes of the configuration: logical units come, go and grow; views and fault rules are exchanged.
#include "scsi_core/core.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "hal/timer.h"
#include "hal/worker.h"
#include "scsi_core/engine/core_impl.h"
#include "scsi_core/reservation/reservations.h"
#include "scsi_core/sense_codes.h"

namespace scsi {

Core::Impl::Impl(hal::Reactor& control_reactor, std::vector<hal::Reactor*> data, const CoreOptions& options)
    : control(control_reactor), fleet(std::move(data), options) {}

Core::Impl::~Impl() {
  for (const auto& [name, lu] : units) {
    for (std::size_t i = 0; i < fleet.size(); ++i) lu->drop_shard(i);
  }
  for (const auto& lu : leaving) {
    for (std::size_t i = 0; i < fleet.size(); ++i) lu->drop_shard(i);
  }
}

LogicalUnit* Core::Impl::find(const std::string& name) {
  const auto at = units.find(name);
  return at == units.end() ? nullptr : at->second.get();
}

bool Core::Impl::viewed(const std::string& name) const {
  return std::any_of(table.views.begin(), table.views.end(), [&](const View& view) { return view.lu == name; });
}

void Core::Impl::answer(Done done, base::Result<void> result) {
  control.post_function([done = std::move(done), result = std::move(result)] { done(result); });
}

Done Core::Impl::limited(Done done, std::string what) {
  struct Limit {
    Limit(Done function, std::string text)
        : done(std::move(function)), what(std::move(text)), timer(&Limit::over, this) {}
    static void over(void* context) {
      auto& limit = *static_cast<Limit*>(context);
      const Done late = std::exchange(limit.done, nullptr);
      late(base::fail(base::Errc::kTimeout, limit.what + " is not over within its limit; it goes on"));
    }
    Done done;  // null once called
    std::string what;
    hal::Timer timer;
  };
  auto* const limit = new Limit(std::move(done), std::move(what));  // deleted by the call of what is returned
  limit->timer.arm(control.timers(), control.now() + fleet.options().change_limit);
  return [limit](base::Result<void> result) {
    const std::unique_ptr<Limit> last(limit);
    if (last->done) last->done(std::move(result));
  };
}

void Core::Impl::publish_views(std::function<void()> done) {
  std::map<std::string, LogicalUnit*> ready;
  for (const auto& [name, lu] : units) {
    if (lu->at_home().ready) ready.emplace(name, lu.get());
  }
  // The old one is read until every reactor has the new one.
  ViewSnapshot* const old = snapshot.release();
  snapshot = std::make_unique<ViewSnapshot>(table, ready, ports);
  fleet.on_each(
      control, [this, views = snapshot.get()](std::size_t index) { fleet.router(index).set_views(views); },
      [old, done = std::move(done)] {
        delete old;
        done();
      });
}

void Core::Impl::add(LuConfig config, std::unique_ptr<Backstore> store, std::unique_ptr<DeviceServer> server,
                     Done done) {
  if (config.name.empty())
    return answer(std::move(done), base::fail(base::Errc::kInvalid, "a logical unit has no name"));
  if (find(config.name) != nullptr) {
    return answer(std::move(done), base::fail(base::Errc::kExists, "a logical unit is called " + config.name));
  }
  const std::string name = config.name;
  hal::Reactor& home = fleet.reactor(next_home++ % fleet.size());
  auto made = std::make_unique<LogicalUnit>(std::move(config), std::move(store), std::move(server), home, fleet);
  LogicalUnit& lu = *made;
  units.emplace(name, std::move(made));
  lu.at_home().pin();
  const Done finish = limited(std::move(done), "adding " + name);
  const auto restore = [this, &lu] { lu.reservations().restore(fleet.options().metadata); };
  const auto start = [this, &lu, finish, name] {
    lu.home().post_function([this, &lu, finish, name] {
      lu.server().reset(lu, ResetCause::kPowerOn);
      lu.reservations().power_on();
      control.post_function([this, &lu, finish, name] {
        lu.at_home().ready = true;
        lu.at_home().unpin();
        if (!viewed(name)) return finish({});
        publish_views([finish] { finish({}); });
      });
    });
  };
  if (hal::Worker* const worker = fleet.options().worker) return worker->submit(control, restore, start);
  restore();
  start();
}

void Core::Impl::remove(const std::string& name, Done done) {
  const auto at = units.find(name);
  if (at == units.end()) {
    return answer(std::move(done), base::fail(base::Errc::kNotFound, "there is no logical unit " + name));
  }
  LogicalUnit& lu = *at->second;
  leaving.push_back(std::move(at->second));
  units.erase(at);
  drop_rules_of(lu);
  lu.flags.fetch_or(kLuRemoving, std::memory_order_relaxed);
  lu.at_home().pin();
  const Done finish = limited(std::move(done), "removing " + name);
  publish_views([this, &lu, finish] {
    AbortOrder all;
    all.report = Outcome::check(kLogicalUnitNotSupported);
    abort_everywhere(lu, control, all, [this, &lu, finish] {
      destroy_when_idle(lu, finish);
      lu.at_home().unpin();
    });
  });
}

void Core::Impl::destroy_when_idle(LogicalUnit& lu, Done done) {
  lu.at_home().watch_pins(control, [this, &lu, done = std::move(done)] {
    const auto at = std::find_if(leaving.begin(), leaving.end(), [&](const auto& other) { return other.get() == &lu; });
    if (at == leaving.end() || lu.at_home().pinned() || std::exchange(lu.at_home().destroying, true)) return;
    fleet.on_each(
        control, [&lu](std::size_t index) { lu.drop_shard(index); },
        [this, &lu, done] {
          std::erase_if(leaving, [&](const auto& other) { return other.get() == &lu; });
          done({});
        });
  });
}

void Core::Impl::resize(LogicalUnit& lu, std::uint64_t blocks, Done done) {
  lu.at_home().pin();
  auto result = std::make_unique<base::Result<void>>();
  auto* const outcome = result.release();  // deleted at the end
  const auto work = [&lu, blocks, outcome] { *outcome = lu.backstore().resize(blocks); };
  const auto answered = [this, &lu, outcome, done = std::move(done)] {
    control.post_function([&lu, outcome, done] {
      const std::unique_ptr<base::Result<void>> last(outcome);
      lu.at_home().unpin();
      done(std::move(*last));
    });
  };
  const auto at_home = [&lu, outcome, answered] {
    if (!outcome->has_value()) return answered();
    lu.blocks.store(lu.backstore().geometry().blocks, std::memory_order_relaxed);
    establish_unit_attention(lu, kCapacityDataHasChanged, nullptr, answered);
  };
  if (hal::Worker* const worker = fleet.options().worker) return worker->submit(lu.home(), work, at_home);
  work();
  lu.home().post_function(at_home);
}

Core::Core(hal::Reactor& control, std::vector<hal::Reactor*> data, CoreOptions options)
    : impl_(std::make_unique<Impl>(control, std::move(data), options)) {}

Core::~Core() = default;

TaskRouter& Core::router(std::size_t reactor_index) { return impl_->fleet.router(reactor_index); }

std::size_t Core::reactors() const { return impl_->fleet.size(); }

void Core::add(LuConfig config, std::unique_ptr<Backstore> store, std::unique_ptr<DeviceServer> server, Done done) {
  impl_->add(std::move(config), std::move(store), std::move(server), std::move(done));
}

void Core::remove_lu(const std::string& name, Done done) { impl_->remove(name, std::move(done)); }

void Core::resize_lu(const std::string& name, std::uint64_t blocks, Done done) {
  LogicalUnit* const lu = impl_->find(name);
  if (lu == nullptr) {
    return impl_->answer(std::move(done), base::fail(base::Errc::kNotFound, "there is no logical unit " + name));
  }
  impl_->resize(*lu, blocks, impl_->limited(std::move(done), "resizing " + name));
}

void Core::modify_lu(const std::string& name, LuConfig config, Done done) {  // NOLINT: as create_lu() takes it
  LogicalUnit* const lu = impl_->find(name);
  if (lu == nullptr) {
    return impl_->answer(std::move(done), base::fail(base::Errc::kNotFound, "there is no logical unit " + name));
  }
  LuConfig same = lu->config();
  same.write_protected = config.write_protected;
  if (same != config) {
    return impl_->answer(std::move(done), base::fail(base::Errc::kUnsupported,
                                                     name + ": only write protection changes while it is in use"));
  }
  if (config.write_protected) {
    lu->flags.fetch_or(kLuWriteProtected, std::memory_order_relaxed);
  } else {
    lu->flags.fetch_and(~std::uint32_t{kLuWriteProtected}, std::memory_order_relaxed);
  }
  impl_->answer(std::move(done), {});
}

void Core::set_target_ports(std::vector<TargetPortIdentity> ports, Done done) {
  impl_->ports = std::move(ports);
  const Done finish = impl_->limited(std::move(done), "exchanging the target ports");
  impl_->publish_views([finish] { finish({}); });
}

void Core::set_views(ViewTable table, Done done) {
  if (auto valid = table.validate(); !valid.has_value()) return impl_->answer(std::move(done), std::move(valid));
  impl_->table = std::move(table);
  const Done finish = impl_->limited(std::move(done), "exchanging the views");
  impl_->publish_views([finish] { finish({}); });
}

}  // namespace scsi
