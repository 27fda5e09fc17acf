// Upgrade in place, asked for.
#include "ctl/service/service.h"

namespace ctl {

void Service::upgrade(const Params& params, Reply reply) {
  constexpr base::Duration kLongestUpgradeWait = std::chrono::seconds(60);
  if (!upgrade_) return reply(base::fail(base::Errc::kUnsupported, "this daemon cannot be upgraded in place"));
  UpgradeOptions options;
  if (params.has("wait")) options.wait = params.duration("wait");
  if (options.wait > kLongestUpgradeWait) return reply(base::fail(base::Errc::kInvalid, "wait is at most 60s"));
  options.force = params.flag("force");
  upgrade_(options, [reply = std::move(reply)](const base::Result<UpgradeReport>& report) {
    if (!report) return reply(tl::unexpected<base::Error>(report.error()));
    reply(Json{{"version", report->version},
               {"pid", report->pid},
               {"pause_ms", std::chrono::duration<double, std::milli>(report->pause).count()},
               {"sessions", report->sessions},
               {"connections", report->connections},
               {"logical_units", report->logical_units}});
  });
}

}  // namespace ctl
