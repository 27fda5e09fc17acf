// Making the management socket.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "ctl/rpc/server.h"

namespace ctl {
namespace {

base::Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path) {
    return base::fail(base::Errc::kInvalid, "socket path \"" + path + "\" must be absolute and below 108 bytes");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// Removes a socket that nobody listens on any more; anything else in its place is left alone.
base::Result<void> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return base::fail_errno("stat " + path);
  }
  if (!S_ISSOCK(status.st_mode) || (status.st_uid != geteuid() && status.st_uid != 0)) {
    return base::fail(base::Errc::kExists, path + " is there and is not a socket of ours");
  }
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) return base::fail_errno("socket");
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return base::fail(base::Errc::kBusy, path + ": another outboardd is running");
  }
  if (unlink(path.c_str()) != 0) return base::fail_errno("remove " + path);
  return {};
}

}  // namespace

base::Result<ListeningSocket> ListeningSocket::open(const std::string& path, std::optional<gid_t> group) {
  const sockaddr_un address = TRY(socket_address(path));
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  TRY(open_private_directory(directory, false));
  TRY(remove_stale(path, address));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return base::fail_errno("socket");
  // The file appears with mode 0777 & ~umask: nobody else may connect, not even before the chmod below.
  const mode_t before = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(before);
  if (bound != 0) return base::fail_errno("bind " + path, error);
  ListeningSocket made(std::move(fd), path);
  if (group && (chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0 || chmod(path.c_str(), 0660) != 0)) {
    return base::fail_errno("give " + path + " to the group");
  }
  if (listen(made.get(), 64) != 0) return base::fail_errno("listen " + path);
  return made;
}

ListeningSocket::~ListeningSocket() {
  if (fd_ && !path_.empty()) unlink(path_.c_str());
}

}  // namespace ctl
