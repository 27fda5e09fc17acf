// libtgt: a blocking client of the management socket. One call at a time; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "ctl/libtgt/line_socket.h"
#include "ctl/rpc/json.h"

namespace ctl {

inline constexpr const char* kDefaultSocket = "/run/outboard/outboardd.sock";

class Client {
 public:
  // Errc::kNotFound: nobody listens there. Errc::kDenied: somebody does, but we may not connect.
  static base::Result<Client> connect(const std::string& path);

  // Returns `result`. A refusal keeps the daemon's words and error code. When broken() afterwards, the outcome is not
  // known, and the client is of no further use.
  base::Result<Json> call(const std::string& method, const Json& params,
                          std::chrono::milliseconds limit = std::chrono::minutes(5));
  bool broken() const { return broken_; }

 private:
  explicit Client(LineSocket socket) : socket_(std::move(socket)) {}
  base::Result<Json> exchange(std::string text, std::uint64_t id, LineSocket::Deadline deadline);

  LineSocket socket_;
  std::uint64_t next_id_ = 1;
  bool broken_ = false;
};

}  // namespace ctl
