// Credentials of a Unix socket's peer.
#include "ctl/rpc/peer.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>

#include <algorithm>

namespace ctl {

std::string Caller::describe() const { return fmt::format("uid {}, pid {}", uid, pid); }

bool AccessPolicy::allows(const Caller& caller) const {
  if (caller.uid == 0 || caller.uid == owner) return true;
  if (!group) return false;
  return caller.gid == *group || std::find(caller.groups.begin(), caller.groups.end(), *group) != caller.groups.end();
}

base::Result<Caller> caller_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return base::fail_errno("SO_PEERCRED");
  Caller caller{credentials.uid, credentials.gid, credentials.pid, {}};
  caller.groups.resize(64);
  for (int attempt = 0; attempt < 2; ++attempt) {
    size = static_cast<socklen_t>(caller.groups.size() * sizeof(gid_t));
    const int error = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, caller.groups.data(), &size) == 0 ? 0 : errno;
    if (error != 0 && error != ERANGE) return base::fail_errno("SO_PEERGROUPS", error);
    caller.groups.resize(size / sizeof(gid_t));  // with ERANGE: how many there are
    if (error == 0) return caller;
  }
  return base::fail(base::Errc::kIo, "SO_PEERGROUPS keeps changing");
}

base::Result<gid_t> group_by_name(const std::string& name) {
  std::vector<char> buffer(1 << 16);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return base::fail(base::Errc::kNotFound, "there is no group \"" + name + "\"");
  }
  return entry.gr_gid;
}

}  // namespace ctl
