// The management interface at work: each change is a small transaction, each listing asks the machine. Lives on the
// control reactor.
#pragma once

#include <string>
#include <vector>

#include "ctl/event_feed.h"
#include "ctl/machine.h"
#include "ctl/rpc/methods.h"
#include "ctl/transactor.h"
#include "ctl/upgrade/upgrade.h"

namespace ctl {

struct ServiceInfo {  // for `status`
  std::string version;
  base::Time started{};
  std::vector<std::string> reactors;  // "core 1"
};

class Service final : public Control {
 public:
  // Outlives what it calls.
  Service(hal::Reactor& control, Machine& machine, Store& store, Transactor& transactor, ServiceInfo info)
      : control_(control), machine_(machine), store_(store), transactor_(transactor), info_(std::move(info)) {
    transactor_.on_report([this](const Transactor::Report& report) { events_.configured(report); });
  }
  // Who can upgrade this daemon in place. Nobody: it is refused.
  using Upgrade = std::function<void(const UpgradeOptions&, std::function<void(base::Result<UpgradeReport>)>)>;
  void on_upgrade(Upgrade upgrade) { upgrade_ = std::move(upgrade); }
  ~Service() override { transactor_.on_report(nullptr); }
  std::uint64_t progress_mark() const override { return transactor_.progress_mark(); }

  void status(const Params& params, Reply reply) override;
  void upgrade(const Params& params, Reply reply) override;
  void progress(const Params& params, Reply reply) override;
  void apply(const Params& params, Reply reply) override;
  void export_config(const Params& params, Reply reply) override;
  void describe(const Params& params, Reply reply) override;
  void lu_create(const Params& params, Reply reply) override;
  void lu_delete(const Params& params, Reply reply) override;
  void lu_list(const Params& params, Reply reply) override;
  void lu_show(const Params& params, Reply reply) override;
  void lu_resize(const Params& params, Reply reply) override;
  void lu_modify(const Params& params, Reply reply) override;
  void target_create(const Params& params, Reply reply) override;
  void target_delete(const Params& params, Reply reply) override;
  void target_list(const Params& params, Reply reply) override;
  void target_modify(const Params& params, Reply reply) override;
  void portal_add(const Params& params, Reply reply) override;
  void portal_remove(const Params& params, Reply reply) override;
  void portal_list(const Params& params, Reply reply) override;
  void device_list(const Params& params, Reply reply) override;
  void device_bind(const Params& params, Reply reply) override;
  void device_unbind(const Params& params, Reply reply) override;
  void port_add(const Params& params, Reply reply) override;
  void port_modify(const Params& params, Reply reply) override;
  void port_remove(const Params& params, Reply reply) override;
  void port_list(const Params& params, Reply reply) override;
  void port_show(const Params& params, Reply reply) override;
  void port_online(const Params& params, Reply reply) override;
  void port_offline(const Params& params, Reply reply) override;
  void host_group_create(const Params& params, Reply reply) override;
  void host_group_delete(const Params& params, Reply reply) override;
  void host_group_list(const Params& params, Reply reply) override;
  void host_group_modify(const Params& params, Reply reply) override;
  void target_group_create(const Params& params, Reply reply) override;
  void target_group_delete(const Params& params, Reply reply) override;
  void target_group_list(const Params& params, Reply reply) override;
  void target_group_modify(const Params& params, Reply reply) override;
  void view_add(const Params& params, Reply reply) override;
  void view_remove(const Params& params, Reply reply) override;
  void view_list(const Params& params, Reply reply) override;
  void user_add(const Params& params, Reply reply) override;
  void user_modify(const Params& params, Reply reply) override;
  void user_remove(const Params& params, Reply reply) override;
  void user_list(const Params& params, Reply reply) override;
  void discovery_show(const Params& params, Reply reply) override;
  void discovery_modify(const Params& params, Reply reply) override;
  void limits_show(const Params& params, Reply reply) override;
  void limits_modify(const Params& params, Reply reply) override;
  void isns_list(const Params& params, Reply reply) override;
  void metrics_show(const Params& params, Reply reply) override;
  void metrics_modify(const Params& params, Reply reply) override;
  void session_list(const Params& params, Reply reply) override;
  void session_show(const Params& params, Reply reply) override;
  void session_logout(const Params& params, Reply reply) override;
  void session_negotiate(const Params& params, Reply reply) override;
  void stats(const Params& params, Reply reply) override;
  void event_list(const Params& params, Reply reply) override;
  void command_list(const Params& params, Reply reply) override;
  void debug_inject(const Params& params, Reply reply) override;
  void debug_events(const Params& params, Reply reply) override;
  void debug_registers(const Params& params, Reply reply) override;
  void debug_rings(const Params& params, Reply reply) override;
  void debug_inject_list(const Params& params, Reply reply) override;
  void debug_inject_remove(const Params& params, Reply reply) override;
  void debug_capture_start(const Params& params, Reply reply) override;
  void debug_capture_read(const Params& params, Reply reply) override;
  void debug_capture_stop(const Params& params, Reply reply) override;

 private:
  static constexpr std::uint64_t kCaptureBuffer = 16 << 20;  // of each data reactor
  static constexpr std::uint64_t kLeastCaptureBuffer = 256 << 10, kMostCaptureBuffer = 1 << 30;
  void change(Transactor::Edit edit, Reply reply, Transactor::Options options = {});
  void finish_status(Json fc_counters, Reply reply);
  void switch_port(const std::string& name, bool enabled, Reply reply);
  void list_sessions(std::function<void(Json)> done);
  void list_lus(std::string only, Reply reply);
  void peers_of_session(std::int64_t id, std::function<void(base::Result<std::vector<std::string>>)> done);
  void start_capture(const hal::CaptureFilter& filter, std::uint64_t buffer, Reply reply);
  base::Result<std::string> portal_named(const std::string& name) const;

  hal::Reactor& control_;
  Machine& machine_;
  Store& store_;
  Transactor& transactor_;
  ServiceInfo info_;
  Upgrade upgrade_;
  EventFeed events_{control_, machine_};
};

}  // namespace ctl
