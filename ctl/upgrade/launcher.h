// A process of a few pages that stands outside the sandbox and can do one thing: start this program once more, as it
// was started, for an upgrade in place.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace ctl {

// What the new process is given, and the option that tells it so: "--take-over", then the number.
inline constexpr int kHandoverDescriptor = 3;

class Launcher {
 public:
  // First thing in main(): forks, so there must be one thread and nothing that a copy of the process would spoil. The
  // program is the file of this name at the time of launch(): after an installation, the new one.
  static base::Result<Launcher> start(int argc, char** argv);
  // Starts the program with `handover` as its kHandoverDescriptor. Whether it comes up, it says there; the other end
  // is closed if it does not.
  base::Result<void> launch(base::Fd handover) const;

 private:
  explicit Launcher(base::Fd socket) : socket_(std::move(socket)) {}
  base::Fd socket_;  // the launcher ends when this is closed
};

}  // namespace ctl
