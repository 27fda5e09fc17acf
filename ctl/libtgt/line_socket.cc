// Sending and receiving lines with poll, so that a silent peer costs no more than the deadline.
#include "ctl/libtgt/line_socket.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

namespace ctl {
namespace {

constexpr std::size_t kLongestLine = std::size_t{64} << 20;

}  // namespace

base::Result<LineSocket> LineSocket::connect(const std::string& path, const char* peer) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail(base::Errc::kInvalid, "a socket path has 1 to 107 bytes: " + path);
  }
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return LineSocket(std::move(fd), peer);
  }
  if (errno == EACCES || errno == EPERM) return base::fail(base::Errc::kDenied, path + ": not permitted");
  return base::fail(base::Errc::kNotFound,
                    std::string("no ") + peer + " listens on " + path + " (" + strerror(errno) + ")");
}

base::Result<void> LineSocket::send(const std::string& text, Deadline deadline) {
  std::size_t done = 0;
  while (done < text.size()) {
    TRY(wait_for(POLLOUT, deadline));
    const ssize_t n = ::send(fd_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return base::fail_errno("send");
    done += static_cast<std::size_t>(n);
  }
  return {};
}

base::Result<std::string> LineSocket::read_line(Deadline deadline) {
  for (std::size_t searched = 0;;) {
    const std::size_t end = input_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    searched = input_.size();
    if (input_.size() > kLongestLine) return broken("says too much");
    TRY(wait_for(POLLIN, deadline));
    std::array<char, 65536> chunk;
    const ssize_t n = recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return base::fail_errno("receive");
    if (n == 0) return broken("closed the connection");
    input_.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

base::Result<void> LineSocket::wait_for(short events, Deadline deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return base::fail(base::Errc::kTimeout, std::string(peer_) + " does not answer");
    pollfd one{fd_.get(), events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return base::fail_errno("poll");
  }
}

tl::unexpected<base::Error> LineSocket::broken(const char* how) const {
  return base::fail(base::Errc::kIo, std::string(peer_) + " " + how);
}

}  // namespace ctl
