// How listings show things: JSON forms of what the core, the fabric and the configuration report. No secrets.
#pragma once

#include "ctl/config/config.h"
#include "ctl/machine.h"
#include "ctl/rpc/json.h"
#include "ctl/transactor.h"

namespace ctl {

Json show(const Transactor::Report& report);
Json show(const LogicalUnit& lu);     // what is configured
Json show(const scsi::LuInfo& info);  // what is running
// Counters, and quantiles in nanoseconds; `latency`: with the histograms, as [end of the bucket in ns, commands].
Json show(const scsi::Statistics& statistics, bool latency);
Json show(const scsi::CommandInfo& info);
Json show(const scsi::InjectRule& rule);
Json show(const scsi::View& view);
Json show(const iscsi::SessionInfo& info);
Json show(const iscsi::EventInfo& event);
Json show(const iscsi::FabricCounters& counters);
Json show(const FcPortInfo& info);     // one row
Json details(const FcPortInfo& info);  // all there is
Json show(const fcp::SessionInfo& info);
Json show(const fcp::EventInfo& event);
Json show(const fcp::FabricCounters& counters);
Json show(const DeviceInfo& device);
Json show(const iscsi::Limits& limits);
Json show(const Access& access);
Json show(const Target& target);

const char* inject_kind_name(scsi::InjectRule::Kind kind);  // "delay"
double milliseconds(base::Duration duration);

}  // namespace ctl
