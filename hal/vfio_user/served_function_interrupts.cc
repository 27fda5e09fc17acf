// A function that a vfio-user server has: its interrupts, eventfds that the server signals.
#include <algorithm>

#include "hal/vfio_user/served_function.h"

namespace hal::vfio_user {

static_assert(kIrqIntx == 0 && kIrqMsi == 1 && kIrqMsix == 2);

base::Result<void> ServedFunction::vectors_on(InterruptKind kind, std::span<const int> eventfds) {
  const std::uint32_t flags = SetIrqsRequest::Eventfds::of(true) | SetIrqsRequest::Trigger::of(true);
  const std::size_t at_once = std::min<std::size_t>(max_fds_, kMaxFds);
  for (std::size_t start = 0; start < eventfds.size(); start += at_once) {
    const auto fds = eventfds.subspan(start, std::min(at_once, eventfds.size() - start));
    const SetIrqsRequest request{std::uint32_t{sizeof request}, flags, index_of(kind),
                                 static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(fds.size())};
    TRY(requester_.ask({.command = Command::kSetIrqs, .fixed = bytes_of(request), .fds = fds}));
  }
  return {};
}

base::Result<void> ServedFunction::vectors_off(InterruptKind kind) {
  const std::uint32_t flags = SetIrqsRequest::NoData::of(true) | SetIrqsRequest::Trigger::of(true);
  const SetIrqsRequest none{std::uint32_t{sizeof none}, flags, index_of(kind), 0, 0};
  TRY(requester_.ask({.command = Command::kSetIrqs, .fixed = bytes_of(none)}));
  return {};
}

void ServedFunction::unmask_intx() {
  if (interrupts() != InterruptKind::kIntx) return;
  const std::uint32_t flags = SetIrqsRequest::NoData::of(true) | SetIrqsRequest::Unmask::of(true);
  const SetIrqsRequest request{std::uint32_t{sizeof request}, flags, kIrqIntx, 0, 1};
  requester_.post({.command = Command::kSetIrqs, .fixed = bytes_of(request)});
}

}  // namespace hal::vfio_user
