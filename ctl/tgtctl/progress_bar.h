// A bar on the terminal while the daemon takes long: on standard error, so that results stay clean; nothing where that
// is no terminal.
#pragma once

#include <string>

#include "ctl/libtgt/client.h"

namespace ctl {

class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ~ProgressBar();  // leaves no trace
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void watch(Client& client);  // as long as its calls take; must outlive them
  void show(const Json& progress);
  bool draws() const { return draws_; }

 private:
  bool draws_;
  bool drawn_ = false;
};

// What `progress` answered as one line of at most `columns`; empty: nothing is being done.
std::string format_progress(const Json& progress, std::size_t columns);

}  // namespace ctl
