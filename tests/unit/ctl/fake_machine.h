// The machine of tests: keeps what it was told, answers from the poll loop, fails where it is asked to.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ctl/machine.h"
#include "hal/reactor.h"

class FakeMachine final : public ctl::Machine {
 public:
  explicit FakeMachine(hal::Reactor& reactor) : reactor_(reactor) {}

  // Calls whose log line is in `fail` fail; those in `silent` are never answered.
  std::set<std::string> fail, silent;
  std::vector<std::string> calls;
  std::map<std::string, ctl::LogicalUnit> units;
  std::map<std::string, ctl::Part> fillings;
  scsi::ViewTable views;
  iscsi::FabricConfig fabric;
  ctl::Metrics metrics;
  std::vector<ctl::isns::Info> isns;
  std::vector<scsi::InjectRule> injects;
  std::vector<scsi::CommandInfo> commands;
  std::vector<iscsi::SessionInfo> sessions;
  std::vector<scsi::NamedStatistics> port_statistics;
  std::map<std::string, scsi::Statistics> unit_statistics;
  std::vector<iscsi::EventInfo> events;
  std::vector<ctl::FcPort> fc_ports;
  std::vector<fcp::SessionInfo> fc_sessions;
  std::vector<fcp::EventInfo> fc_events;
  std::vector<ctl::DeviceInfo> devices;
  base::Duration grace{-1};      // of the last logout
  std::string state = "online";  // of every unit
  std::string invalid;           // what validate() says, if not empty

  base::Result<void> validate(const ctl::Config& config) const override {
    if (!invalid.empty()) return base::fail(base::Errc::kInvalid, invalid);
    return ctl::fcp_config(config.fc_ports).validate();
  }
  void add_lu(const ctl::LogicalUnit& lu, ctl::Done done) override {
    const bool added = answer("add " + lu.unit.name, std::move(done));
    absent_.erase(lu.unit.name);
    if (added) {
      units[lu.unit.name] = lu;
    } else {
      absent_[lu.unit.name] = "told to fail";
    }
  }
  std::optional<std::string> why_absent(const std::string& name) const override {
    const auto found = absent_.find(name);
    if (found == absent_.end()) return std::nullopt;
    return found->second;
  }
  ctl::Part filling(const std::string& name) const override {
    const auto found = fillings.find(name);
    return found == fillings.end() ? ctl::Part() : found->second;
  }
  void remove_lu(const std::string& name, ctl::Done done) override {
    if (answer("remove " + name, std::move(done))) units.erase(name);
  }
  void forget_lu(const std::string& name, ctl::Done done) override { answer("forget " + name, std::move(done)); }
  void resize_lu(const std::string& name, std::uint64_t blocks, ctl::Done done) override {
    if (answer("resize " + name + " " + std::to_string(blocks), std::move(done))) {
      units[name].store.size = blocks * units[name].store.block_size;
    }
  }
  void modify_lu(const std::string& name, const scsi::LuConfig& unit, ctl::Done done) override {
    if (answer("modify " + name, std::move(done))) units[name].unit = unit;
  }
  void set_views(const scsi::ViewTable& table, ctl::Done done) override {
    if (answer("views " + std::to_string(table.views.size()), std::move(done))) views = table;
  }
  void apply_fabric(const iscsi::FabricConfig& config, ctl::Done done) override {
    if (answer("fabric " + std::to_string(config.targets.size()), std::move(done))) fabric = config;
  }
  void apply_fc(const std::vector<ctl::FcPort>& ports, ctl::Done done) override {
    if (answer("fc " + std::to_string(ports.size()), std::move(done))) fc_ports = ports;
  }
  void apply_metrics(const ctl::Metrics& config, ctl::Done done) override {
    if (answer("metrics " + config.listen, std::move(done))) metrics = config;
  }
  std::vector<ctl::isns::Info> list_isns() const override { return isns; }
  std::string metrics_address() const override { return metrics.listen; }
  void inject(const scsi::InjectRule& rule, std::function<void(base::Result<std::uint32_t>)> done) override {
    injects.push_back(rule);
    injects.back().id = static_cast<std::uint32_t>(injects.size());
    reactor_.post_function([done = std::move(done), id = injects.back().id] { done(id); });
  }
  void remove_inject(std::uint32_t id, ctl::Done done) override {
    std::erase_if(injects, [&](const scsi::InjectRule& rule) { return rule.id == id; });
    answer("remove inject", std::move(done));
  }
  void start_capture(const hal::CaptureFilter& filter, std::size_t buffer,
                     std::function<void(base::Result<std::uint64_t>)> done) override {
    calls.push_back("capture " + filter.local + " from " + filter.peer_host + " " + std::to_string(buffer));
    for (const std::string& peer : filter.peers) calls.back() += " " + peer;
    if (filter.snap != UINT32_MAX) calls.back() += " snap " + std::to_string(filter.snap);
    later(std::move(done), base::Result<std::uint64_t>(1));
  }
  base::Result<ctl::CapturePiece> read_capture(std::uint64_t number) override {
    if (number != 1) return base::fail(base::Errc::kNotFound, "no such capture");
    return ctl::CapturePiece{{std::byte{'a'}, std::byte{'b'}, std::byte{'c'}, std::byte{'d'}}, 3, 2, false, true};
  }
  void stop_capture(std::uint64_t number, ctl::Done done) override {
    answer("stop capture " + std::to_string(number), std::move(done));
  }
  void logout_session(std::uint64_t id, base::Duration time, ctl::Done done) override {
    grace = time;
    answer("logout " + std::to_string(id), std::move(done));
  }
  void ask_to_negotiate(std::uint64_t id, base::Duration time, ctl::Done done) override {
    grace = time;
    answer("negotiate " + std::to_string(id), std::move(done));
  }
  void list_lus(std::function<void(std::vector<scsi::LuInfo>)> done) override {
    std::vector<scsi::LuInfo> out;
    for (const auto& [name, lu] : units) {
      scsi::LuInfo& info = out.emplace_back();
      info.config = lu.unit;
      info.geometry.block_size = lu.store.block_size;
      info.geometry.blocks = lu.store.size / lu.store.block_size;
      info.state = state;
      info.backstore = "fake";
      info.statistics = unit_statistics[name];
    }
    later(std::move(done), std::move(out));
  }
  void list_commands(std::function<void(std::vector<scsi::CommandInfo>)> done) override {
    later(std::move(done), commands);
  }
  void list_ports(std::function<void(std::vector<scsi::NamedStatistics>)> done) override {
    later(std::move(done), port_statistics);
  }
  void list_nexuses(std::function<void(std::vector<scsi::NexusInfo>)> done) override {
    later(std::move(done), std::vector<scsi::NexusInfo>());
  }
  void list_injects(std::function<void(std::vector<scsi::InjectRule>)> done) override {
    later(std::move(done), injects);
  }
  void list_sessions(std::function<void(std::vector<iscsi::SessionInfo>)> done) override {
    later(std::move(done), sessions);
  }
  void list_events(std::function<void(std::vector<iscsi::EventInfo>)> done) override { later(std::move(done), events); }
  void counters(std::function<void(iscsi::FabricCounters)> done) override {
    later(std::move(done), iscsi::FabricCounters());
  }
  void list_fc_ports(std::function<void(std::vector<ctl::FcPortInfo>)> done) override {
    std::vector<ctl::FcPortInfo> out;
    for (const ctl::FcPort& port : fc_ports) {
      ctl::FcPortInfo& info = out.emplace_back(ctl::FcPortInfo{port, port.enabled ? "online" : "offline", {}});
      info.status.info.port_name = {0x5001438000000001};
      info.status.info.link = port.enabled;
      info.status.info.where.id = {0x010100};
      info.status.info.where.fabric_name = {0x100000051e000001};
      info.status.info.where.gigabits = 8;
    }
    later(std::move(done), std::move(out));
  }
  void list_fc_sessions(std::function<void(std::vector<fcp::SessionInfo>)> done) override {
    later(std::move(done), fc_sessions);
  }
  void list_fc_events(std::function<void(std::vector<fcp::EventInfo>)> done) override {
    later(std::move(done), fc_events);
  }
  void fc_counters(std::function<void(fcp::FabricCounters)> done) override {
    later(std::move(done), fcp::FabricCounters());
  }
  void dump_fc_port(const std::string& port, const std::string& what,
                    std::function<void(base::Result<std::string>)> done) override {
    later(std::move(done), base::Result<std::string>(what + " of " + port));
  }
  void list_devices(std::function<void(base::Result<std::vector<ctl::DeviceInfo>>)> done) override {
    later(std::move(done), base::Result<std::vector<ctl::DeviceInfo>>(devices));
  }
  void bind_device(const std::string& address, ctl::Done done) override { answer("bind " + address, std::move(done)); }
  void unbind_device(const std::string& address, ctl::Done done) override {
    answer("unbind " + address, std::move(done));
  }
  std::vector<std::string> portal_addresses() const override {
    std::vector<std::string> out;
    for (const iscsi::Portal& portal : fabric.portals) out.push_back(portal.address);
    return out;
  }

 private:
  bool answer(const std::string& call, ctl::Done done) {
    calls.push_back(call);
    if (silent.contains(call)) return false;
    const bool good = !fail.contains(call);
    reactor_.post_function([done = std::move(done), good] {
      if (good) return done({});
      done(base::fail(base::Errc::kIo, "told to fail"));
    });
    return good;
  }
  template <class T>
  void later(std::function<void(T)> done, T value) {
    reactor_.post_function([done = std::move(done), value = std::move(value)] { done(value); });
  }

  hal::Reactor& reactor_;
  std::map<std::string, std::string> absent_;
};
