// Deadlines: a backstore or port that does not answer for longer than CoreOptions::command_limit.
#pragma once

#include <cstdint>

#include "hal/timer.h"
#include "scsi_core/command.h"

namespace scsi {

class Router;

// Looks at all commands of a reactor several times within the limit; nothing is done on the path of a command.
class Watchdog {
 public:
  explicit Watchdog(Router& router);
  void start();  // once the first nexus is there

 private:
  static void look(void* context);
  void look_at(Command& command, base::Time now);

  Router& router_;
  hal::Timer timer_;
};

}  // namespace scsi
