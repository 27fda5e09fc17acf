// What is there and in flight: gathered from all reactors for the control plane.
#include <fmt/format.h>

#include "scsi_core/engine/core_impl.h"

namespace scsi {
namespace {

const char* state_name(CommandState state) {
  switch (state) {
    case CommandState::kFree:
      return "free";
    case CommandState::kWaiting:
      return "waits in the task set";
    case CommandState::kActive:
      return "active";
    case CommandState::kMemory:
      return "waits for memory";
    case CommandState::kDataIn:
      return "data-in";
    case CommandState::kDataOut:
      return "data-out";
    case CommandState::kStore:
      return "with the backstore";
    case CommandState::kHome:
      return "at home";
    case CommandState::kDelayed:
      return "delayed by a fault rule";
    case CommandState::kStatus:
      return "status";
  }
  return "";
}

const char* event_name(CommandEvent event) {
  switch (event) {
    case CommandEvent::kReceived:
      return "received";
    case CommandEvent::kWaits:
      return "waits";
    case CommandEvent::kEnabled:
      return "enabled";
    case CommandEvent::kDataInAsked:
      return "data-in asked";
    case CommandEvent::kDataOutAsked:
      return "data-out asked";
    case CommandEvent::kTransferDone:
      return "transfer done";
    case CommandEvent::kStoreAsked:
      return "backstore asked";
    case CommandEvent::kStoreDone:
      return "backstore done";
    case CommandEvent::kHomeAsked:
      return "home asked";
    case CommandEvent::kHomeDone:
      return "home done";
    case CommandEvent::kAbortAsked:
      return "abort asked";
    case CommandEvent::kCompleted:
      return "completed";
    case CommandEvent::kDropped:
      return "dropped";
  }
  return "";
}

std::string state_of(const LogicalUnit& lu) {
  const std::uint32_t flags = lu.flags.load(std::memory_order_relaxed);
  if ((flags & kLuRemoving) != 0) return "removing";
  if ((flags & kLuFailed) != 0) return "offline";
  if ((flags & kLuMetadataUnreadable) != 0) return "metadata unreadable";
  if ((flags & kLuEjected) != 0) return "no medium";
  if ((flags & kLuStopped) != 0) return "stopped";
  return "online";
}

CommandInfo info_of(const Command& command, base::Time now) {
  const CoreState& core = command.core;
  CommandInfo info;
  if (core.lu != nullptr) info.lu = core.lu->config().name;
  info.initiator = shown_name(command.nexus->key.initiator);
  info.target = command.nexus->port.identity().target_name;
  info.state = core.aborted ? fmt::format("{}, aborted", state_name(core.state)) : state_name(core.state);
  info.opcode = command.cdb[0];
  info.opcode_name = core.row == nullptr ? "" : core.row->name;
  info.tag = command.tag;
  if (core.row != nullptr && core.row->extent != nullptr) {
    info.lba = core.extent.lba;
    info.blocks = core.extent.blocks;
  }
  info.age = now - core.received_at;
  core.audit.for_each([&](const auto& entry) {
    info.audit.push_back({now - entry.at, event_name(entry.event), entry.detail});
  });
  return info;
}

// Runs `collect` on every reactor, each with a result of its own, then `done` with all of them.
template <class T, class Collect, class DoneWith>
void gather(Core::Impl& impl, Collect collect, DoneWith done) {
  auto* const parts = new std::vector<T>(impl.fleet.size());  // deleted at the end
  impl.fleet.on_each(
      impl.control, [&impl, parts, collect](std::size_t index) { (*parts)[index] = collect(impl.fleet.router(index)); },
      [parts, done] {
        const std::unique_ptr<std::vector<T>> last(parts);
        done(*last);
      });
}

template <class T>
std::vector<T> joined(const std::vector<std::vector<T>>& parts) {
  std::vector<T> all;
  for (const std::vector<T>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

void Core::list_commands(std::function<void(std::vector<CommandInfo>)> done) {
  using Part = std::vector<CommandInfo>;
  gather<Part>(
      *impl_,
      [](Router& router) {
        Part part;
        const auto add = [&](const Command& command) { part.push_back(info_of(command, router.reactor().now())); };
        router.shards().for_each([&](LuShard& shard) { shard.commands.for_each(add); });
        router.without_unit().for_each(add);
        return part;
      },
      [done = std::move(done)](const std::vector<Part>& parts) { done(joined(parts)); });
}

void Core::list_nexuses(std::function<void(std::vector<NexusInfo>)> done) {
  using Part = std::vector<NexusInfo>;
  gather<Part>(
      *impl_,
      [](Router& router) {
        Part part;
        router.nexuses().for_each([&](const Nexus& nexus) { part.push_back(router.info_of(nexus)); });
        return part;
      },
      [done = std::move(done)](const std::vector<Part>& parts) { done(joined(parts)); });
}

void Core::list_ports(std::function<void(std::vector<NamedStatistics>)> done) {
  using Part = std::map<std::string, Statistics>;
  gather<Part>(
      *impl_, [](Router& router) { return router.port_statistics(); },
      [this, done = std::move(done)](const std::vector<Part>& parts) {
        std::map<std::string, Statistics> all;
        for (const TargetPortIdentity& port : impl_->ports) all[shown_name(port)] = {};
        for (const Part& part : parts) {
          for (const auto& [name, statistics] : part) all[name] += statistics;
        }
        done({all.begin(), all.end()});
      });
}

void Core::list_lus(std::function<void(std::vector<LuInfo>)> done) {
  using Part = std::map<const LogicalUnit*, Statistics>;
  gather<Part>(
      *impl_,
      [](Router& router) {
        Part part;
        router.shards().for_each([&](LuShard& shard) { part.emplace(&shard.lu, shard.statistics()); });
        return part;
      },
      [this, done = std::move(done)](const std::vector<Part>& parts) {
        std::vector<LuInfo> all;
        for (const auto& [name, lu] : impl_->units) {
          LuInfo info;
          info.config = lu->config();
          const std::uint32_t flags = lu->flags.load(std::memory_order_relaxed);
          info.config.write_protected = (flags & kLuWriteProtected) != 0;
          info.geometry = lu->backstore().geometry();
          info.backstore = lu->backstore().describe();
          info.state = state_of(*lu);
          for (const Part& part : parts) {
            const auto at = part.find(lu.get());
            if (at != part.end()) info.statistics += at->second;
          }
          all.push_back(std::move(info));
        }
        done(std::move(all));
      });
}

}  // namespace scsi
