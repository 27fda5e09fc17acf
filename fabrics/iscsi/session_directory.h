// All sessions of the process by name: gives out TSIHs, and sees to it that an I_T nexus exists once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "fabrics/iscsi/admission.h"
#include "fabrics/iscsi/handover.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

// On the control reactor. A login whose InitiatorName, ISID, target and portal group are those of a session that is
// alive reinstates it (RFC 7143 6.3.5): the old one is ended first, the login waits until it is gone. One that names
// the TSIH, too, is to join it.
class SessionDirectory {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    virtual void grant(const SessionRequest& request, const SessionGrant& grant) = 0;
    virtual void end(std::uint32_t shard, std::uint64_t session) = 0;
    virtual void shared(const std::string& target, std::uint32_t sessions) = 0;  // it has so many now
  };
  explicit SessionDirectory(Host& host) : host_(host) {}
  void request(SessionRequest request);
  void session_gone(std::uint64_t session);
  // One that another process has handed over, and where its numbers were.
  void restore(const SessionState& state, std::uint32_t shard);
  void go_on(std::uint64_t next_id, std::uint16_t next_tsih);
  std::uint64_t next_id() const { return next_id_; }
  std::uint16_t next_tsih() const { return next_tsih_; }
  std::string portal_of(std::uint64_t session) const;
  // The shard of a session; false when there is none of this number.
  bool find(std::uint64_t session, std::uint32_t& shard) const;
  std::size_t size() const { return sessions_.size(); }
  std::uint32_t sessions_of(const std::string& target) const { return by_target_.count(target); }

 private:
  struct Entry {
    std::string key;     // empty for discovery sessions, which stand for no nexus,
    std::string target;  // and are of none,
    std::string portal;  // nor by one
    std::uint32_t shard = 0;
    std::uint16_t tsih = 0;
    bool ending = false;
    std::vector<SessionRequest> waiting;
  };
  void grant(const SessionRequest& request, std::string key);
  SessionGrant join(const SessionRequest& request) const;
  bool full(const SessionRequest& request) const;
  bool take_tsih(std::uint16_t& tsih, std::uint64_t session);

  Host& host_;
  std::unordered_map<std::uint64_t, Entry> sessions_;
  std::unordered_map<std::string, std::uint64_t> by_key_;
  Counts by_target_, by_portal_;                  // normal sessions
  std::map<std::uint16_t, std::uint64_t> tsihs_;  // of live sessions, by number
  std::uint64_t next_id_ = 1;
  std::uint16_t next_tsih_ = 1;
};

}  // namespace iscsi
