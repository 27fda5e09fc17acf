// A Unix socket on which each side says lines. Blocking, but never for longer than a deadline; not thread-safe.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ctl {

class LineSocket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // `peer` is what errors call the program at the other end. Errc::kNotFound: nobody listens there. Errc::kDenied:
  // somebody does, but we may not connect.
  static base::Result<LineSocket> connect(const std::string& path, const char* peer);

  base::Result<void> send(const std::string& text, Deadline deadline);
  base::Result<std::string> read_line(Deadline deadline);  // at most 64 MiB; without its end

 private:
  LineSocket(base::Fd fd, const char* peer) : fd_(std::move(fd)), peer_(peer) {}
  base::Result<void> wait_for(short events, Deadline deadline) const;
  tl::unexpected<base::Error> broken(const char* how) const;

  base::Fd fd_;
  const char* peer_;
  std::string input_;
};

}  // namespace ctl
