// What the host is told of the link's past, and what people see of the model.
#include <string_view>

#include "emu/qla/firmware.h"

namespace emu::qla {

wire::LinkStatistics Firmware::statistics() const {
  wire::LinkStatistics values{};
  values.link_failures = link.downs();
  values.loss_of_sync = link.downs();
  values.link_ups = link.ups();
  for (const auto& [name, value] : core.port.counters()) {
    const auto count = static_cast<std::uint32_t>(value);
    if (name == "data_frames_out") values.transmitted_frames = count;
    if (name == "data_frames_in") values.received_frames = count;
    if (name == "bad_frames") values.dropped_frames = count;
    if (name == "frames_not_ours") values.discarded_frames = count;
    if (name == "aborts_in") values.received_abts = count;
  }
  if (const auto found = core.counters.find("mailbox commands"); found != core.counters.end())
    values.mailbox_requests = static_cast<std::uint32_t>(found->second);
  return values;
}

}  // namespace emu::qla
