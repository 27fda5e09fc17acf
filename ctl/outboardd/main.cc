// outboardd. Exit codes: 0 ended by a signal, 1 could not start or not end in order, 2 usage.
#include <cstdio>

#include "ctl/outboardd/daemon.h"
#include "ctl/outboardd/log.h"

int main(int argc, char** argv) {
  ctl::OptionsResult parsed = ctl::parse_options(argc, argv);
  fputs(parsed.output.c_str(), parsed.exit_code == 0 ? stdout : stderr);
  if (!parsed.options) return parsed.exit_code;
  base::set_log_level(parsed.options->log_level);
  base::set_log_format(parsed.options->log_format);
  const auto launcher = ctl::Launcher::start(argc, argv);
  if (!launcher) {
    ctl::kProcessLog.error("{}", launcher.error().text);
    return 1;
  }
  ctl::prepare_process();
  auto daemon = ctl::Daemon::create(*parsed.options, *launcher);
  if (!daemon) {
    ctl::kProcessLog.error("{}", daemon.error().text);
    return 1;
  }
  return (*daemon)->run();
}
