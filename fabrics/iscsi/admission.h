// Who may connect: counts of connections and logins, kept on the control reactor.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "fabrics/iscsi/service.h"

namespace iscsi {

// How many there are of each name; what there is none of takes no memory.
class Counts {
 public:
  void add(const std::string& name) { ++counts_[name]; }
  void remove(const std::string& name);
  std::uint32_t count(const std::string& name) const;

 private:
  std::unordered_map<std::string, std::uint32_t> counts_;
};

// What a peer that has not logged in may take is bounded by these counts times what one login may cost
// (Login::kMaxText, the buffers of its socket).
class Admission {
 public:
  // Why a connection is not to be accepted; null: it may come.
  const char* refusal(const Limits& limits, const std::string& host, const Portal& portal) const;
  void arrived(std::uint64_t id, const std::string& host, const Portal& portal);
  void login_over(const std::string& host);
  void moves(std::uint64_t id);  // to another reactor: counts twice until it is gone here
  void gone(std::uint64_t id);
  std::string portal_of(std::uint64_t id) const;

 private:
  struct Place {
    std::string portal;
    std::uint32_t copies = 1;
  };
  Counts logins_, portals_;  // by address of the peer, by portal
  std::uint32_t all_logins_ = 0;
  std::size_t connections_ = 0;
  std::unordered_map<std::uint64_t, Place> by_id_;
};

// Token buckets of one second each: a portal or target that had none lately takes a whole second's logins at once.
class LoginRates {
 public:
  bool allow(const std::string& name, std::uint32_t per_second, base::Time now);  // 0: no limit
  void forget() { buckets_.clear(); }

 private:
  struct Bucket {
    base::Time filled{};
    double tokens = 0;
  };
  std::unordered_map<std::string, Bucket> buckets_;  // of configured names only
};

}  // namespace iscsi
