// Who is on the other end of the management socket, and whether they may be.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ctl {

struct Caller {  // SO_PEERCRED and SO_PEERGROUPS, as they were at connect()
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;
  std::string describe() const;  // "uid 0, pid 4711"
};

struct AccessPolicy {  // besides root
  uid_t owner = 0;     // the daemon's own user
  std::optional<gid_t> group;
  bool allows(const Caller& caller) const;
};

base::Result<Caller> caller_of(int socket);
base::Result<gid_t> group_by_name(const std::string& name);

}  // namespace ctl
