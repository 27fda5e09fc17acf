// A model in the same process as its driver: hal::PciDevice on one side, emu::ModelHost on the other.
//
// Driver and model share a thread: a register access calls the model, and the owner steps it with poll(). Nothing is
// simulated of the way between, so a driver that works here has registers, DMA and interrupts right, not latencies.
#pragma once

#include <memory>
#include <string>

#include "emu/host/function.h"

namespace emu {

//   InProcessHost host(clock);  QlaModel model(host, ...);  host.attach(model);
//   auto device = host.open();  MyDriver driver(*device);   while (host.poll()) {}
class InProcessHost final : public Function {
 public:
  explicit InProcessHost(const base::Clock& clock, std::string name = "model") : Function(clock, std::move(name)) {}
  // What a driver holds. One at a time; it goes before this host. Memory space is on, bus mastership and interrupts are
  // off, and off again when it goes.
  std::unique_ptr<hal::PciDevice> open();
};

}  // namespace emu
