// libtgt: a blocking client of the management socket. One call at a time; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
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
  // `limit` begins anew whenever on_progress() hears of progress.
  base::Result<Json> call(const std::string& method, const Json& params,
                          std::chrono::milliseconds limit = std::chrono::minutes(5));
  bool broken() const { return broken_; }
  // While a call takes longer than a moment, the daemon is asked for its `progress`, several times a second.
  void on_progress(std::function<void(const Json&)> told) { told_ = std::move(told); }

 private:
  explicit Client(LineSocket socket) : socket_(std::move(socket)) {}
  base::Result<Json> exchange(std::string text, std::uint64_t id, std::chrono::milliseconds limit);
  base::Result<Json> wait(std::uint64_t id, std::chrono::milliseconds limit);
  base::Result<void> ask_progress(LineSocket::Deadline deadline);
  bool take_progress(const Json& response);

  LineSocket socket_;
  std::uint64_t next_id_ = 1;
  bool broken_ = false;
  std::function<void(const Json&)> told_;
  std::uint64_t asked_ = 0;  // the request for progress that is not answered yet; 0: none
  Json progress_;            // as last heard
};

}  // namespace ctl
