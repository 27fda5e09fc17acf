// What the parts of a port share: on one reactor the options, ring indices, counters and events (Site); and of those,
// what the adapter itself has: its registers, and whether it works (Device).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/event_ring.h"
#include "drivers/qla/chip.h"
#include "drivers/qla/counters.h"
#include "drivers/qla/options.h"
#include "hal/mmio.h"
#include "hal/pci.h"
#include "hal/reactor.h"
#include "hal/reg.h"

namespace qla {

enum class Event : std::uint8_t {
  kStep,         // subject: its name
  kAsyncEvent,   // detail: mailboxes 0 to 3
  kMailbox,      // detail: command, status
  kFailure,      // subject: why
  kLinkService,  // detail: ELS code and port id
  kLogin,        // detail: port id
  kLoginEnded,
  kAbort,  // detail: OX_ID and port id
  kWrong,  // detail: what was wrong
};
std::string_view event_name(Event event);

// The indices of the rings: in the register window, or in a page of a BAR of their own.
struct Index : hal::Reg<Index, 0, std::uint32_t, hal::Access::kRw> {};
struct Indices {
  hal::Mmio request_in, request_out, response_in, response_out, atio_in, atio_out;  // windows of one register
};

// Own thread only.
struct Site {
  Site(hal::Reactor& its_reactor, Options its_options) : reactor(its_reactor), options(std::move(its_options)) {}

  hal::Reactor& reactor;
  const Options options;
  Indices indices;
  Counters counters;
  base::EventRing<Event, 256> events;
  bool running = false;              // the firmware takes queue entries
  bool offloads_protection = false;  // and CTIOs of type CRC 2
  std::string failure;               // not empty: the adapter needs a reset

  void note(Event event, std::string_view subject, std::uint64_t detail = 0) {
    events.add(reactor.now(), event, subject, detail);
  }
  // The adapter said what it may not: counted, and ignored by the caller.
  void wrong(Count count, std::string_view what, std::uint64_t detail = 0) {
    ++counters[count];
    note(Event::kWrong, what, detail);
  }
  // The adapter cannot be used as it is. The port notices in its next poll.
  void fail(std::string_view why) {
    if (failure.empty()) failure = why;
    note(Event::kFailure, why);
  }
};

struct Device : Site {
  Device(hal::PciDevice& pci_device, hal::Reactor& its_reactor, const Chip& its_chip, Options its_options)
      : Site(its_reactor, std::move(its_options)), pci(pci_device), chip(its_chip) {}

  hal::PciDevice& pci;
  const Chip& chip;
  hal::Mmio registers;
  std::uint32_t epoch = 1;  // counts resets of the adapter: what older firmware knew is gone
  bool lost = false;        // it reads as all ones: it is not there any more
};

}  // namespace qla
