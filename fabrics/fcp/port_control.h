// The control part of a port: link, logins, registration with the fabric. Lives on the adapter's reactor.
//
// A login's life: logged_in -> its lane establishes the nexus -> open_login; login_ended -> the lane loses the nexus ->
// release_login. An I_T nexus exists once: who comes again waits until the old one is gone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log_budget.h"
#include "fabrics/fcp/lane.h"
#include "fabrics/fcp/peer_login.h"
#include "fabrics/fcp/registration.h"
#include "fabrics/fcp/state_reports.h"

namespace fcp {

// The control reactor as ports see it. Any thread.
class PortHost {
 public:
  virtual ~PortHost() = default;
  virtual std::uint64_t draw_session_id() = 0;
  virtual void port_named(const std::string& port, hal::fc::Wwn name) = 0;
  virtual void port_failed(const std::string& port, const std::string& why) = 0;
};

// Own thread only, but for the constructor, the destructor and LaneHost.
class PortControl final : public hal::fc::FcPortUser, public LaneHost, private Registration::Host {
 public:
  using Done = std::function<void()>;
  PortControl(hal::fc::FcPort& port, std::string name, std::vector<scsi::TaskRouter*> routers, PortHost& host);
  ~PortControl() override;

  // --- from the control reactor, by message ---
  // `done` when what is not allowed any more is over, and the port is off the link if it is not to be online.
  void apply(const PortConfig& config, Done done);
  bool logout(std::uint64_t session, Done done);  // false: not a session of this port
  PortStatus status() const;
  FabricCounters counters() const { return counters_; }
  std::vector<EventInfo> events() const;
  std::string dump(const std::string& what) const { return port_.dump(what); }
  hal::Reactor& reactor() { return reactor_; }
  const std::vector<std::unique_ptr<Lane>>& lanes() const { return lanes_; }  // any thread

  // --- FcPortUser ---
  void link_up(const hal::fc::Link& link) override;
  void link_down() override;
  void link_service_received(const hal::fc::LinkService& service) override;
  void logged_in(hal::fc::LoginId id, const hal::fc::RemotePort& initiator, std::uint32_t parameters) override;
  void login_ended(hal::fc::LoginId id) override;
  void login_answered(hal::fc::PortId port, base::Result<void> result) override;
  void ct_answered(std::uint32_t id, hal::fc::CtStatus status, std::span<const std::byte> reply) override;
  void state_changed(std::span<const std::byte> pages) override;
  void state_change_reported(base::Result<void> result) override;
  void adapter_failed(const std::string& reason, bool recovers) override;

  // --- LaneHost, any thread ---
  void session_ready(hal::fc::LoginId login) override;
  void session_gone(hal::fc::LoginId login) override;
  void session_unwanted(hal::fc::LoginId login) override;
  void logical_units_changed() override;

 private:
  enum class State : std::uint8_t { kOff, kOn, kStopping };
  enum class LoginState : std::uint8_t {
    kWaiting,  // for an older login of the same name to be gone
    kOpening,  // its lane makes the nexus
    kOpen,
    kEnding,  // its lane loses the nexus
  };
  struct Login {
    hal::fc::RemotePort initiator;
    std::uint32_t parameters = 0;
    LoginState state = LoginState::kWaiting;
    bool end_asked = false;
    std::uint64_t session = 0;
  };
  struct Wait {  // for logins to be gone
    std::vector<std::uint64_t> sessions;
    Done done;
  };
  using Logins = std::map<hal::fc::LoginId, Login>;

  void on_lane(hal::fc::LoginId login, std::function<void(Lane&)> function);
  Lane& lane_of(hal::fc::LoginId login);
  bool is_logged_in(const hal::fc::RemotePort& who) const;
  void know(const hal::fc::LinkService& service);
  void forget(hal::fc::Wwn name);
  void answer(const hal::fc::LinkService& service);
  Logins::iterator find_name(hal::fc::Wwn name);  // a login that waits for nothing, or end()
  void open(hal::fc::LoginId id, Login& login);
  void ask_end(hal::fc::LoginId id, Login& login);
  void release(Logins::iterator at);
  void serve_waiting(hal::fc::Wwn name);
  void pursue();
  void finish_waits();
  void stop_asking(const char* why);
  void publish_identity();
  void note(PortEvent event, std::string_view subject, std::uint64_t detail = 0) {
    events_.add(reactor_.now(), event, subject, detail);
  }
  void registered(std::uint32_t tries) override;
  void registration_failed(const char* step, const std::string& why, bool final) override;

  static constexpr std::size_t kMaxKnown = 4096, kMaxWaiting = 1024;

  hal::fc::FcPort& port_;
  hal::Reactor& reactor_;
  PortHost& host_;
  const std::string name_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  PortConfig wanted_, config_;  // the latter is in force since the port was started
  State state_ = State::kOff;
  bool in_fabric_ = false;             // when there was a link last
  scsi::TargetPortIdentity identity_;  // as the lanes have it
  Logins logins_;
  std::map<hal::fc::Wwn, hal::fc::PortId> known_;  // who has a PLOGI in force
  std::vector<hal::fc::LinkService> waiting_;      // for an older login of their port to be gone
  std::vector<Wait> waits_;
  std::vector<Done> settled_;  // waiting for the state that is wanted
  Registration registration_;
  PeerLogin peer_login_;
  StateReports state_reports_;
  FabricCounters counters_;
  PortEvents events_;
  base::LogBudget log_budget_;
};

}  // namespace fcp
