// Unix sockets by path.
#include "hal/vfio_user/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hal::vfio_user {
namespace {

base::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail(base::Errc::kInvalid, "the socket path " + path + " is empty or too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

base::Result<base::Fd> connect_to(const std::string& path) {
  const sockaddr_un address = TRY(address_of(path));
  base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("socket");
  if (connect(fd.get(), generic(address), sizeof address) == 0) return fd;
  const int error = errno;
  if (error == ENOENT || error == ECONNREFUSED) return base::fail(base::Errc::kNotFound, "nobody listens at " + path);
  return base::fail_errno("connect to " + path, error);
}

base::Result<base::Fd> listen_at(const std::string& path) {
  const sockaddr_un address = TRY(address_of(path));
  struct stat status;
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) return base::fail(base::Errc::kExists, path + " is there and is not a socket");
    if (connect_to(path).has_value()) return base::fail(base::Errc::kBusy, path + " is served by another process");
    unlink(path.c_str());
  }
  base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return base::fail_errno("socket");
  fchmod(fd.get(), 0600);  // of the file that bind makes
  if (bind(fd.get(), generic(address), sizeof address) != 0) return base::fail_errno("bind " + path);
  if (listen(fd.get(), 1) != 0) return base::fail_errno("listen at " + path);
  return fd;
}

}  // namespace hal::vfio_user
