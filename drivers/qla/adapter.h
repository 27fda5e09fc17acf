// One port of a QLogic adapter in target mode: joins bring-up, rings, exchanges, logins and recovery behind FcPort.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/qla/bringup.h"
#include "drivers/qla/control.h"
#include "drivers/qla/device.h"
#include "drivers/qla/dump.h"
#include "drivers/qla/mailbox.h"
#include "drivers/qla/memory.h"
#include "drivers/qla/pairs.h"
#include "drivers/qla/port_parts.h"
#include "drivers/qla/rings.h"
#include "drivers/qla/virtual_port.h"

namespace qla {

class Adapter final : public hal::fc::FcPort,
                      public hal::Poller,
                      public hal::FdHandler,
                      public BringupUser,
                      public VirtualPortHost {
 public:
  // kUnsupported: not a chip that this driver knows.
  static base::Result<std::unique_ptr<Adapter>> create(std::unique_ptr<hal::PciDevice> pci, hal::Reactor& reactor,
                                                       Options options);
  ~Adapter() override;

  hal::Reactor& reactor() override { return device_.reactor; }
  std::vector<hal::fc::FcQueue*> queues() override;
  std::vector<hal::fc::FcPort*> virtual_ports() override;
  void start(hal::fc::FcPortUser& user) override;
  void stop(std::function<void()> done) override;
  void answer(std::uint32_t link_service, const hal::fc::LinkServiceAnswer& answer) override;
  void open_login(hal::fc::LoginId login) override { port_.services.open_login(login); }
  void end_login(hal::fc::LoginId login) override { port_.services.end_login(login); }
  void release_login(hal::fc::LoginId login) override { port_.services.release_login(login); }
  void log_in(hal::fc::PortId port) override {
    port_.requests.log_in(port, {bringup_.link().id, bringup_.port_name(), bringup_.node_name()});
  }
  base::Result<void> send_ct(std::uint32_t id, hal::fc::PortId server, std::span<const std::byte> request,
                             base::Duration limit) override {
    return port_.requests.send_ct(id, server, request, limit);
  }
  void register_state_changes() override;
  void report_state_change() override { port_.requests.report_state_change(bringup_.link().id); }
  hal::fc::PortInfo info() const override;
  std::string dump(std::string_view what) const override;

  bool poll() override;
  bool try_sleep() override;
  void wake() override;
  void fd_ready(std::uint32_t events) override;
  void adapter_still() override;
  const hal::fc::Link* link() const override { return link_up_ ? &told_ : nullptr; }
  bool has_virtual_ports() const override { return bringup_.multi_id(); }
  bool works() const override { return phase_ != Phase::kStopped; }
  hal::fc::PortInfo info_of_adapter() const override { return info(); }
  std::string dump_of_adapter(std::string_view what) const override { return dump(what); }

 private:
  enum class Phase : std::uint8_t { kStopped, kBringingUp, kOnline, kRecovering, kWaiting, kFailed, kStopping, kOff };
  struct Windows {
    hal::Mmio registers, pages;  // pages: of queue indices, where the chip has them
  };
  Adapter(std::unique_ptr<hal::PciDevice> pci, const Chip& chip, hal::Reactor& reactor, Options options, Memory memory,
          std::vector<Memory> pair_memory, const Windows& windows);

  // adapter.cc
  base::Result<void> open();
  base::Result<void> choose_interrupts();
  void close();
  void watch_interrupts(bool on);
  void poll_bringup();
  void bringup_done();
  void bringup_failed();
  void went_off();
  void finish_stop();
  bool quiet() const;
  bool released() const;
  // adapter_events.cc
  bool poll_events();
  void async_event(std::uint16_t code);
  void port_database_changed(std::uint16_t nport, std::uint16_t state);
  void light(bool on);
  void want_link() { link_wanted_ = true; }
  // adapter_rings.cc
  bool poll_rings();
  bool poll_responses();
  bool poll_atios();
  bool long_atio();
  void atio(const wire::Entry& first, std::span<const wire::Entry> more);
  void response(const wire::Entry& entry);
  void command(const wire::Atio7& atio, std::span<const wire::Entry> more);
  void notified(const wire::ImmediateNotify& notify);
  void aborted(const wire::AbtsReceived& abts);
  VirtualPort* virtual_port(std::uint8_t vp);
  // adapter_pairs.cc
  void hand_on(const wire::Atio7& atio, std::span<const wire::Entry> more);
  bool poll_pairs();
  void check_pairs();
  void pairs_made();
  bool pairs_off();
  // adapter_recovery.cc
  void recover();
  void begin_reset();
  void removed();
  void forget_everything();
  void housekeep();
  void check_stop();
  void begin_off();
  void links_changed();
  void tell_failure(const std::string& why, bool recovers);
  void end_all_logins(bool log_out);

  std::unique_ptr<hal::PciDevice> pci_;
  Device device_;
  Memory memory_;
  MailboxPort mailbox_;
  RequestRing request_ring_;
  ResponseRing response_ring_;
  AtioRing atio_ring_;
  Control control_;
  Pairs pairs_;
  PortParts port_;
  struct Virtual {  // the parts outlive the port that uses them
    std::unique_ptr<PortParts> parts;
    std::unique_ptr<VirtualPort> port;
  };
  std::vector<Virtual> virtual_ports_;  // vp 1 and on
  Dump dump_;
  Bringup bringup_;
  hal::Timer timer_;
  hal::fc::FcPortUser* user_ = nullptr;
  std::function<void()> stopped_;

  Phase phase_ = Phase::kStopped;
  std::string reason_;  // of kWaiting and kFailed
  hal::InterruptKind interrupts_ = hal::InterruptKind::kNone;
  std::vector<int> interrupt_fds_;
  bool off_ = false;   // stopping: the adapter is in reset, only users are waited for
  bool gone_ = false;  // for good; the user knows
  bool pairs_leaving_ = false;
  bool event_due_ = false;  // an interrupt, or the reactor slept
  std::uint32_t rounds_ = 0;
  wire::Entry atio_{};  // the one in hand; held: its other entries are not here yet
  bool atio_held_ = false;
  bool light_ = false, link_up_ = false, link_wanted_ = false;
  bool fabric_forgot_us_ = false;  // the same link, but logins and registrations in the fabric are gone
  hal::fc::Link told_;             // by link_up
  base::Time link_retry_{}, link_down_at_{};
  bool link_down_runs_ = false;
  base::Time retry_at_{}, farewell_deadline_{}, stop_deadline_{}, heartbeat_at_{};
  unsigned attempts_ = 0;
  std::uint64_t commands_seen_ = 0;
  MailboxCall heartbeat_, registration_;
  bool registration_wanted_ = false;
};

}  // namespace qla
