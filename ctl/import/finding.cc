// The text of findings.
#include "ctl/import/finding.h"

#include <fmt/format.h>

#include "base/log.h"

namespace ctl {

std::string format_place(const Place& place) {
  std::string out = base::escaped(place.file, 300);
  if (place.line != 0) out += fmt::format(":{}", place.line);
  if (!place.path.empty()) out += (out.empty() ? "" : ": ") + base::escaped(place.path, 300);
  return out;
}

std::string format_finding(const Finding& found) {
  return fmt::format("{}: {}: {}; {}", format_place(found.place), base::escaped(found.what, 500),
                     base::escaped(found.why, 500), base::escaped(found.instead, 500));
}

}  // namespace ctl
