// Talking JSON-RPC over the management socket.
#include "ctl/libtgt/client.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

namespace ctl {
namespace {

constexpr std::size_t kMaxResponse = std::size_t{64} << 20;

base::Result<void> wait_for(int fd, short events, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return base::fail(base::Errc::kTimeout, "the daemon does not answer");
    pollfd one{fd, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return base::fail_errno("poll");
  }
}

base::Errc errc_by_name(const std::string& name) {
  for (int code = 0; code <= static_cast<int>(base::Errc::kDenied); ++code) {
    if (name == base::errc_name(static_cast<base::Errc>(code))) return static_cast<base::Errc>(code);
  }
  return base::Errc::kInvalid;
}

tl::unexpected<base::Error> not_rpc() { return base::fail(base::Errc::kIo, "the daemon's answer is not JSON-RPC"); }

base::Result<Json> result_of(const Json& response) {
  const auto result = response.find("result");
  if (result != response.end()) return *result;
  const auto error = response.find("error");
  if (error == response.end() || !error->is_object()) return not_rpc();
  const Json message = error->value("message", Json()), data = error->value("data", Json::object());
  const Json code = data.is_object() ? data.value("code", Json()) : Json();
  return base::fail(code.is_string() ? errc_by_name(code.get<std::string>()) : base::Errc::kInvalid,
                    message.is_string() ? message.get<std::string>() : "refused without a reason");
}

}  // namespace

base::Result<Client> Client::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail(base::Errc::kInvalid, "a socket path has 1 to 107 bytes: " + path);
  }
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return Client(std::move(fd));
  }
  if (errno == EACCES || errno == EPERM) return base::fail(base::Errc::kDenied, path + ": not permitted");
  return base::fail(base::Errc::kNotFound, "no outboardd listens on " + path + " (" + strerror(errno) + ")");
}

base::Result<Json> Client::call(const std::string& method, const Json& params, std::chrono::milliseconds limit) {
  const std::uint64_t id = next_id_++;
  std::string text = print_json({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) + "\n";
  const auto response = exchange(std::move(text), id, std::chrono::steady_clock::now() + limit);
  broken_ |= !response;
  return response ? result_of(*response) : tl::unexpected<base::Error>(response.error());
}

// The response object, whether it says result or error.
base::Result<Json> Client::exchange(std::string text, std::uint64_t id, Deadline deadline) {
  const auto sent = send_all(text, deadline);
  explicit_bzero(text.data(), text.size());  // it may hold a secret
  // A daemon that refuses us says why and closes: what it said is worth more than a broken pipe.
  const auto line = read_line(deadline);
  if (!line) return tl::unexpected<base::Error>(sent ? line.error() : sent.error());
  auto response = parse_json(*line);
  if (!response || !response->is_object()) return not_rpc();
  if (response->value("id", Json()) != id && !response->contains("error")) {
    return base::fail(base::Errc::kIo, "the daemon answered another request");
  }
  return std::move(*response);
}

base::Result<void> Client::send_all(const std::string& text, Deadline deadline) {
  std::size_t done = 0;
  while (done < text.size()) {
    TRY(wait_for(fd_.get(), POLLOUT, deadline));
    const ssize_t n = send(fd_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return base::fail_errno("send");
    done += static_cast<std::size_t>(n);
  }
  return {};
}

base::Result<std::string> Client::read_line(Deadline deadline) {
  for (std::size_t searched = 0;;) {
    const std::size_t end = input_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    searched = input_.size();
    if (input_.size() > kMaxResponse) return base::fail(base::Errc::kIo, "the daemon's answer is too long");
    TRY(wait_for(fd_.get(), POLLIN, deadline));
    std::array<char, 65536> chunk;
    const ssize_t n = recv(fd_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return base::fail_errno("receive");
    if (n == 0) return base::fail(base::Errc::kIo, "the daemon closed the connection");
    input_.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace ctl
