// The fabric's part on the control reactor: portals, limits on connections, the session directory, settings to shards.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fabrics/iscsi/admission.h"
#include "fabrics/iscsi/handover.h"
#include "fabrics/iscsi/portals.h"
#include "fabrics/iscsi/service.h"
#include "fabrics/iscsi/session_directory.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

class FabricControl final : public ControlLink, public PortalHost, public SessionDirectory::Host {
 public:
  FabricControl(std::vector<scsi::TaskRouter*> routers, hal::Datamover& datamover, hal::Reactor& control,
                std::vector<hal::Reactor*> data);
  ~FabricControl() override;

  // --- service.h, control reactor ---
  void apply(FabricConfig config, scsi::Done done);
  std::vector<scsi::TargetPortIdentity> target_ports() const;
  std::vector<Portal> portals() const { return portals_.opened(); }
  void list_sessions(std::function<void(std::vector<SessionInfo>)> done);
  void list_events(std::function<void(std::vector<EventInfo>)> done);
  void logout_session(std::uint64_t id, base::Duration grace, scsi::Done done);
  void ask_to_negotiate(std::uint64_t id, base::Duration limit, scsi::Done done);
  void counters(std::function<void(FabricCounters)> done);
  void stop(base::Duration grace, scsi::Done done);
  void set_chap_verifier(ChapVerifier& verifier) { verifier_ = &verifier; }
  void freeze(base::Duration limit, bool force, std::function<void(base::Result<FabricState>)> done);
  void thaw();
  std::vector<FabricListener> listeners() const { return portals_.hand_over(); }
  void adopt_listeners(std::vector<FabricListener> listeners);
  void restore(FabricState state, scsi::Done done);

  // --- ControlLink, any thread ---
  void session_requested(SessionRequest request) override;
  void session_gone(std::uint64_t session) override;
  void login_over(const std::string& peer) override;
  void connection_gone(std::uint32_t shard, std::uint64_t id) override;
  void proof_given(ProofGiven proof) override;
  void connection_moves(std::unique_ptr<MovingConnection> connection) override;
  void target_cold_reset(const std::string& target) override;

  // --- PortalHost, SessionDirectory::Host ---
  void accepted(const Portal& portal, std::unique_ptr<hal::PendingConnection> connection) override;
  void grant(const SessionRequest& request, const SessionGrant& grant) override;
  void end(std::uint32_t shard, std::uint64_t session) override;
  void shared(const std::string& target, std::uint32_t sessions) override;

 private:
  template <class Part>
  struct Round;
  struct Place {
    hal::Reactor* reactor;
    std::unique_ptr<Shard> shard;
    std::size_t connections = 0;
  };
  // Runs `on_shard(shard, part, part_done)` on every reactor, each with a Part of its own. Once each has called
  // part_done, or when `limit` is over, `done(result, parts)` runs here.
  using PartDone = std::function<void()>;
  template <class Part>
  using OnShard = std::function<void(Shard&, Part&, PartDone)>;
  template <class Part>
  using Finished = std::function<void(base::Result<void>, std::vector<Part>&)>;
  template <class Part>
  void on_every_shard(base::Duration limit, const char* what, std::vector<Part> parts, OnShard<Part> on_shard,
                      Finished<Part> done);
  void post(std::uint32_t shard, std::function<void(Shard&)> function);
  void answer(scsi::Done done, base::Result<void> result);
  bool find_session(std::uint64_t id, std::uint32_t& where, scsi::Done& done);
  base::Result<FabricConfig> resolve(FabricConfig config) const;
  bool may_accept(const std::string& host, const Portal& portal);
  void judge(ProofGiven proof);
  void gather(std::function<void(base::Result<FabricState>)> done);
  void complete(FabricState& state) const;
  void forward(std::unique_ptr<MovingConnection> connection);

  hal::Reactor& control_;
  hal::Datamover& datamover_;
  std::vector<Place> places_;
  SessionDirectory directory_{*this};
  Portals portals_;
  FabricConfig config_;  // in force, without secrets: those are with the shards
  Admission admission_;
  LoginRates rates_;
  ChapVerifier* verifier_ = nullptr;
  std::uint64_t next_connection_ = 1;
  std::uint64_t refused_ = 0;
  bool stopping_ = false;
  base::LogBudget log_budget_;
};

}  // namespace iscsi
