// The core's private half: what the control reactor keeps.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scsi_core/core.h"
#include "scsi_core/engine/fleet.h"
#include "scsi_core/engine/inject.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/engine/views.h"

namespace scsi {

struct Core::Impl {
  Impl(hal::Reactor& control_reactor, std::vector<hal::Reactor*> data, const CoreOptions& options);
  ~Impl();

  LogicalUnit* find(const std::string& name);
  bool viewed(const std::string& name) const;
  // Answers later, from the poll loop of the control reactor.
  void answer(Done done, base::Result<void> result);
  // A `Done` that is called once: with what it is given, or with kTimeout when the limit for changes is over first.
  Done limited(Done done, std::string what);
  // Compiles the views against the logical units that are there, and gives them to all routers.
  void publish_views(std::function<void()> done);
  void publish_rules(std::function<void()> done);
  void add(LuConfig config, std::unique_ptr<Backstore> store, std::unique_ptr<DeviceServer> server, Done done);
  void remove(const std::string& name, Done done);
  void destroy_when_idle(LogicalUnit& lu, Done done);
  void resize(LogicalUnit& lu, std::uint64_t blocks, Done done);
  std::vector<std::unique_ptr<ActiveRule>>::iterator find_rule(std::uint32_t id);
  void drop_rules_of(const LogicalUnit& lu);

  hal::Reactor& control;
  Fleet fleet;
  std::map<std::string, std::unique_ptr<LogicalUnit>> units;
  std::vector<std::unique_ptr<LogicalUnit>> leaving;  // removed, with commands or messages that are not over yet
  ViewTable table;
  std::vector<TargetPortIdentity> ports;
  std::unique_ptr<ViewSnapshot> snapshot;
  std::vector<std::unique_ptr<ActiveRule>> rules;
  std::uint32_t next_rule = 1;
  std::size_t next_home = 0;
};

}  // namespace scsi
