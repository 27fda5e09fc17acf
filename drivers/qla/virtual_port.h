// A virtual port (NPIV, FC-LS-3 FDISC): a further N_Port_ID on the adapter's link, with names, logins and exchanges of
// its own. The firmware gets its address; we say that there is such a port, and when it is no more.
#pragma once

#include <functional>
#include <string>

#include "drivers/qla/mailbox.h"
#include "drivers/qla/port_parts.h"

namespace qla {

// The adapter as its virtual ports see it.
class VirtualPortHost {
 public:
  virtual ~VirtualPortHost() = default;
  virtual const hal::fc::Link* link() const = 0;  // of the physical port, as its user knows it; null: down
  virtual bool has_virtual_ports() const = 0;     // the firmware, as initialised, can do it
  virtual bool works() const = 0;                 // it is polled
  virtual hal::fc::PortInfo info_of_adapter() const = 0;
  virtual std::string dump_of_adapter(std::string_view what) const = 0;
};

class VirtualPort final : public hal::fc::FcPort, private ControlUser {
 public:
  VirtualPort(Device& device, Control& control, MailboxPort& mailbox, PortParts& parts, const VirtualNames& names,
              VirtualPortHost& host)
      : device_(device), control_(control), mailbox_(mailbox), parts_(parts), names_(names), host_(host) {}

  hal::Reactor& reactor() override { return device_.reactor; }
  std::vector<hal::fc::FcQueue*> queues() override { return {&parts_.queue}; }
  void start(hal::fc::FcPortUser& user) override;
  void stop(std::function<void()> done) override;
  void answer(std::uint32_t service, const hal::fc::LinkServiceAnswer& answer) override {
    parts_.services.answer(service, answer);
  }
  void open_login(hal::fc::LoginId login) override { parts_.services.open_login(login); }
  void end_login(hal::fc::LoginId login) override { parts_.services.end_login(login); }
  void release_login(hal::fc::LoginId login) override { parts_.services.release_login(login); }
  void log_in(hal::fc::PortId port) override { parts_.requests.log_in(port); }
  base::Result<void> send_ct(std::uint32_t id, hal::fc::PortId server, std::span<const std::byte> request,
                             base::Duration limit) override {
    return parts_.requests.send_ct(id, server, request, limit);
  }
  void register_state_changes() override { registration_wanted_ = true; }
  void report_state_change() override { parts_.requests.report_state_change(id_); }
  hal::fc::PortInfo info() const override;
  std::string dump(std::string_view what) const override;

  // --- from the adapter ---
  PortParts& parts() { return parts_; }
  bool started() const { return user_ != nullptr; }
  hal::fc::PortId id() const { return id_; }  // 0: none
  void reported(const wire::ReportId& report);
  void link_changed(bool forgotten = false);  // host.link() is another now; or the fabric has forgotten all of us
  void end_logins(bool log_out) { parts_.services.end_all(log_out); }
  void state_changed(std::span<const std::byte> page);
  void failed(const std::string& why, bool recovers);
  void adapter_off();  // it has stopped
  void reset();        // the firmware knows nothing of us any more
  void housekeep(base::Time now);

 private:
  enum class Firmware : std::uint8_t { kUnknown, kAsked, kKnown, kLeaving };
  void control_answered(std::uint32_t cookie, const wire::Entry* answer) override;
  void configured(const wire::VpConfiguration* answer);
  bool configure();
  bool disable();
  void tell_link(bool again = false);
  void check_stop(base::Time now);
  void finish_stop();
  void again_later();

  Device& device_;
  Control& control_;
  MailboxPort& mailbox_;
  PortParts& parts_;
  const VirtualNames names_;
  VirtualPortHost& host_;
  hal::fc::FcPortUser* user_ = nullptr;  // null: stopped
  std::function<void()> stopped_;        // set: stopping
  Firmware firmware_ = Firmware::kUnknown;
  hal::fc::PortId id_;
  hal::fc::Link told_;
  bool link_up_ = false;
  std::string trouble_;
  base::Time retry_at_{}, farewell_deadline_{}, stop_deadline_{};
  unsigned attempts_ = 0;
  MailboxCall registration_;
  bool registration_wanted_ = false;
};

}  // namespace qla
