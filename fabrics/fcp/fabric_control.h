// The fabric's part on the control reactor: which ports there are, settings to them, questions to all of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fabrics/fcp/port_control.h"
#include "fabrics/fcp/round.h"
#include "fabrics/fcp/service.h"

namespace fcp {

class FabricControl final : public PortHost {
 public:
  FabricControl(std::vector<scsi::TaskRouter*> routers, hal::Reactor& control, std::vector<hal::Reactor*> data);
  ~FabricControl() override;

  // --- service.h, control reactor ---
  base::Result<void> attach(const std::string& name, hal::fc::FcPort& port);
  void detach(const std::string& name, scsi::Done done);
  void apply(FabricConfig config, scsi::Done done);
  std::vector<scsi::TargetPortIdentity> target_ports() const;
  void on_target_ports(std::function<void()> changed) { changed_ = std::move(changed); }
  void on_port_failed(std::function<void(const std::string&, const std::string&)> failed) {
    failed_ = std::move(failed);
  }
  void list_ports(std::function<void(std::vector<PortStatus>)> done);
  void list_sessions(std::function<void(std::vector<SessionInfo>)> done);
  void list_events(std::function<void(std::vector<EventInfo>)> done);
  void logout_session(std::uint64_t id, scsi::Done done);
  void counters(std::function<void(FabricCounters)> done);
  void dump(const std::string& port, const std::string& what, std::function<void(base::Result<std::string>)> done);
  void stop(scsi::Done done);

  // --- PortHost, any thread ---
  std::uint64_t draw_session_id() override { return next_session_.fetch_add(1, std::memory_order_relaxed); }
  void port_named(const std::string& port, hal::fc::Wwn name) override;
  void port_failed(const std::string& port, const std::string& why) override;

 private:
  static constexpr base::Duration kChangeLimit = std::chrono::seconds(30);
  struct Place {
    std::string name;
    std::unique_ptr<PortControl> port;
    hal::fc::Wwn wwpn{};
    bool leaving = false;
  };
  template <class Part>
  using OnPort = std::function<void(PortControl&, Part&)>;
  template <class Part>
  using OnLane = std::function<void(Lane&, Part&)>;
  // Asks all ports and, where `on_lane` is given, all their lanes.
  template <class Part>
  void ask_all(const char* what, const OnPort<Part>& on_port, const OnLane<Part>& on_lane,
               typename Round<Part>::Done done);
  Place* find(const std::string& name);
  const PortConfig* config_of(const std::string& name) const;
  PortConfig settings_for(const std::string& name) const;
  void answer(scsi::Done done, base::Result<void> result);
  void settle_ports(base::Duration limit, scsi::Done done);

  hal::Reactor& control_;
  std::vector<scsi::TaskRouter*> routers_;
  std::vector<hal::Reactor*> data_;
  std::vector<std::unique_ptr<Place>> places_;
  FabricConfig config_;
  bool stopping_ = false;
  std::function<void()> changed_;
  std::function<void(const std::string&, const std::string&)> failed_;
  std::atomic<std::uint64_t> next_session_{kFirstSession};
};

}  // namespace fcp
