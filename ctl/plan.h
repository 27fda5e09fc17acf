// From a difference of two configurations to the steps that carry it out.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "ctl/config/config.h"
#include "ctl/machine.h"
#include "ctl/steps.h"

namespace ctl {

struct PlanOptions {
  bool tolerant = false;      // a logical unit that cannot be added is only noted
  bool allow_shrink = false;  // smaller logical units: the data behind the new end is lost
  base::Duration step_limit = std::chrono::seconds(30);
  // Logical units of `before` that are not there because their medium could not be opened: tried again, but as long as
  // their settings stay the same a failure is only noted.
  std::set<std::string> absent;
};

struct Plan {
  // Reversible steps first; then, once they are done and the configuration is stored, what cannot be undone.
  std::vector<Step> steps, removals;
};

// What an operator left out and initiators recognise us by, i.e. serial numbers and NAA identifiers of logical units
// and relative identifiers of target ports (persistent reservations name ports by them): of what exists they are kept,
// ...
void keep_identities(const Config& before, Config& after);
// ... of what is new they are drawn.
base::Result<void> draw_identities(Config& config);
// Refuses changes that a running logical unit cannot take. `before` and `after` are captured by value.
base::Result<Plan> make_plan(Machine& machine, const Config& before, const Config& after, const PlanOptions& options);

}  // namespace ctl
