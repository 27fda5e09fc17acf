// What the process gives up before it starts its threads: capabilities, and system calls that it never needs.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace ctl {

// What becomes of a system call that outboardd has no use for.
enum class Seccomp : std::uint8_t {
  kOff,
  kRefuse,  // it fails with EPERM; those that only an intruder would make end the process
  kKill,    // any of them ends the process: for tests
};

// For this thread and those that it makes later. What needs a capability has to be done before: root is left with what
// files and limits give it.
base::Result<void> drop_capabilities();
base::Result<void> confine(Seccomp mode);

}  // namespace ctl
