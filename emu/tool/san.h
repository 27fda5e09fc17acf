// A storage network of models: adapters on vfio-user sockets, and a switch, a loop or a cable between them.
//
// Everything runs on one reactor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emu/fc/capture.h"
#include "emu/fc/link.h"
#include "emu/fc/loop_hub.h"
#include "emu/fc/switch/switch.h"
#include "emu/host/served.h"
#include "emu/qla/model.h"
#include "emu/tool/options.h"
#include "emu/tool/ram_target.h"
#include "hal/reactor.h"
#include "hal/timer.h"

namespace emu::tool {

struct Hba {
  hal::fc::Wwn name;
  std::string socket;
  fc::Link* link = nullptr;
  // The host goes first: it resets the model when its client is cut off.
  std::unique_ptr<qla::Model> model;
  std::unique_ptr<ServedHost> host;
};

class San final : private hal::Poller {
 public:
  // Makes the directory and listens on all sockets.
  static base::Result<std::unique_ptr<San>> create(hal::Reactor& reactor, const base::Clock& clock,
                                                   const Options& options);
  ~San() override;

  std::vector<Hba>& hbas() { return hbas_; }
  fc::Switch* fabric() { return switch_.get(); }  // null in other topologies
  fc::Capture* capture() { return capture_.get(); }
  std::uint64_t faults() const;  // of all models

 private:
  San(hal::Reactor& reactor, const base::Clock& clock) : reactor_(reactor), clock_(clock) {}
  bool poll() override;
  base::Result<void> build(const Options& options);
  void connect(const Options& options);
  unsigned ports(const Options& options) const { return options.hbas + (options.ram_target > 0 ? 1u : 0u); }
  void add_ram_target(const Options& options);
  fc::Link& link_of(const Options& options, unsigned port);
  Wire& wire_of(const Options& options, unsigned port);
  fc::Link& add_link(const Options& options, const std::string& name);
  static void tick(void* san);

  hal::Reactor& reactor_;
  const base::Clock& clock_;
  std::unique_ptr<fc::Capture> capture_;
  std::vector<std::unique_ptr<fc::Link>> links_;
  std::unique_ptr<fc::Switch> switch_;
  std::unique_ptr<fc::LoopHub> hub_;
  std::vector<Hba> hbas_;
  std::unique_ptr<RamTarget> ram_target_;
  // Models and links have timers that the reactor does not know: it must not sleep past them.
  hal::Timer tick_{&San::tick, this};
};

}  // namespace emu::tool
