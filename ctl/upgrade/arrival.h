// The new daemon's side of an upgrade in place. Until the old one says go, nothing that initiators could notice
// happens; whatever goes wrong before, this process ends and the old one goes on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ctl/engine.h"
#include "ctl/upgrade/channel.h"
#include "ctl/upgrade/state.h"
#include "hal/reactor.h"

namespace ctl {

class Arrival final : private hal::FdHandler {
 public:
  struct Parts {  // all outlive this
    hal::Reactor& control;
    Engine& engine;
    iscsi::Fabric& fabric;
    scsi::Core& core;
  };
  // Before the reactors: says hello and waits for what is needed to begin with.
  static base::Result<std::unique_ptr<Arrival>> meet(int descriptor, const std::string& version);
  base::Fd take_lock() { return std::move(lock_); }
  base::Fd take_management() { return std::move(management_); }
  ~Arrival() override;

  // Tells that this daemon is prepared. `begin` is called when the media have come and everything that the
  // configuration names will find its own among them; `failed` when the old daemon goes on instead.
  void prepared(const Parts& parts, std::function<void()> begin, std::function<void(base::Error)> failed);
  // The configuration is in force. `go` when the sessions are here and initiators are heard again.
  void settled(std::function<void()> go);
  void give_up(const base::Error& error);  // tells the old daemon; `failed` is called
  void tell_failure(const base::Error& error);

 private:
  explicit Arrival(base::Fd socket) : channel_(std::move(socket)) {}
  void fd_ready(std::uint32_t events) override;
  base::Result<void> take_media(HandoverMessage& message);
  base::Result<void> take_state(HandoverMessage& message);
  void take_sessions();
  void go();
  void expect(const char* kind, base::Duration limit);
  void ended(const base::Error& error);
  static void too_late(void* context);

  HandoverChannel channel_;
  base::Fd lock_, management_;
  std::unique_ptr<Parts> parts_;
  iscsi::FabricState fabric_;
  std::vector<std::string> units_;  // that have to be there
  const char* expected_ = "";
  std::function<void()> begin_, go_;
  std::function<void(base::Error)> failed_;
  hal::Timer timer_{&Arrival::too_late, this};
};

}  // namespace ctl
