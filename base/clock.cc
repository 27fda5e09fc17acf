// Clocks, randomness, error texts and the end of the process on a broken CHECK.
#include "base/clock.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <time.h>

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "base/result.h"

namespace base {

Time RealClock::now() const {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return Time(std::chrono::seconds(ts.tv_sec) + Duration(ts.tv_nsec));
}

Result<void> secure_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail_errno("getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

const char* errc_name(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return "invalid";
    case Errc::kNotFound:
      return "not found";
    case Errc::kExists:
      return "exists";
    case Errc::kBusy:
      return "busy";
    case Errc::kNoMemory:
      return "no memory";
    case Errc::kNoSpace:
      return "no space";
    case Errc::kIo:
      return "input/output";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kDenied:
      return "denied";
  }
  return "unknown";
}

tl::unexpected<Error> fail_errno(std::string what, int error) {
  Errc code = Errc::kIo;
  if (error == ENOENT || error == ENODEV || error == ENXIO) code = Errc::kNotFound;
  if (error == EEXIST || error == EADDRINUSE) code = Errc::kExists;
  if (error == EBUSY || error == ETXTBSY || error == EAGAIN) code = Errc::kBusy;
  if (error == ENOMEM) code = Errc::kNoMemory;
  if (error == ENOSPC || error == EDQUOT) code = Errc::kNoSpace;
  if (error == EACCES || error == EPERM || error == EROFS) code = Errc::kDenied;
  if (error == EINVAL || error == ENAMETOOLONG || error == EISDIR || error == ENOTDIR) code = Errc::kInvalid;
  if (error == EOPNOTSUPP || error == ENOSYS) code = Errc::kUnsupported;
  char text[128];
  return fail(code, std::move(what) + ": " + strerror_r(error, text, sizeof text));
}

void check_failed(const char* condition, const char* file, int line) {
  fmt::print(stderr, "CHECK failed: {} at {}:{}\n", condition, file, line);
  std::abort();
}

}  // namespace base
