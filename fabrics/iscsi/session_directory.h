// All sessions of the process by name: gives out TSIHs, and sees to it that an I_T nexus exists once.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "fabrics/iscsi/shard.h"

namespace iscsi {

// On the control reactor. A login whose InitiatorName, ISID, target and portal group are those of a session that is
// alive reinstates it (RFC 7143 6.3.5): the old one is ended first, the login waits until it is gone.
class SessionDirectory {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    virtual void grant(const SessionRequest& request, std::uint64_t session, LoginStatus status,
                       std::uint16_t tsih) = 0;
    virtual void end(std::uint32_t shard, std::uint64_t session) = 0;
  };
  explicit SessionDirectory(Host& host) : host_(host) {}
  void request(SessionRequest request);
  void session_gone(std::uint64_t session);
  // The shard of a session; false when there is none of this number.
  bool find(std::uint64_t session, std::uint32_t& shard) const;
  std::size_t size() const { return sessions_.size(); }

 private:
  struct Entry {
    std::string key;  // empty for discovery sessions, which stand for no nexus
    std::uint32_t shard = 0;
    std::uint16_t tsih = 0;
    bool ending = false;
    std::vector<SessionRequest> waiting;
  };
  void grant(const SessionRequest& request, std::string key);
  LoginStatus join_status(const SessionRequest& request, const std::string& key) const;
  bool take_tsih(std::uint16_t& tsih);

  Host& host_;
  std::unordered_map<std::uint64_t, Entry> sessions_;
  std::unordered_map<std::string, std::uint64_t> by_key_;
  std::set<std::uint16_t> tsihs_;
  std::uint64_t next_id_ = 1;
  std::uint16_t next_tsih_ = 1;
};

}  // namespace iscsi
