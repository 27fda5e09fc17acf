// The daemon: everything that runs, in the order in which it is made; destroyed in reverse.
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "ctl/engine.h"
#include "ctl/fc_ports.h"
#include "ctl/outboardd/adapters.h"
#include "ctl/outboardd/notify.h"
#include "ctl/outboardd/options.h"
#include "ctl/outboardd/process.h"
#include "ctl/rpc/server.h"
#include "ctl/service/service.h"
#include "ctl/store.h"
#include "ctl/transactor.h"
#include "ctl/upgrade/arrival.h"
#include "ctl/upgrade/departure.h"
#include "ctl/upgrade/launcher.h"
#include "hal/port/datamover.h"
#include "hal/reactor.h"
#include "hal/worker.h"
#include "scsi_core/metadata_store.h"

namespace ctl {

class Daemon {
 public:
  // Takes the locks and the management socket and makes the parts; nothing runs yet.
  static base::Result<std::unique_ptr<Daemon>> create(const Options& options, const Launcher& launcher);
  ~Daemon();
  // Puts the configuration in force and serves until a signal ends it. The calling thread becomes the control reactor.
  // Returns the exit code.
  int run();

 private:
  Daemon(Options options, const Launcher& launcher) : options_(std::move(options)), launcher_(launcher) {}
  base::Result<void> make();
  base::Result<void> take_places();  // what only one daemon can have: state directory, management socket
  base::Result<void> make_reactors();
  base::Result<void> make_parts();
  base::Result<Config> first_config(bool& stored);
  void begin();
  void ready(const base::Result<Transactor::Report>& report);
  void serve();
  void take_over();
  // daemon_upgrade.cc
  void make_departure();
  void upgrade(const UpgradeOptions& options, Departure::Done done);
  std::vector<base::Fd> welcome() const;
  void gone();
  static void leave(void*);
  void end(int exit_code);
  void signalled(int signal);
  static void too_late(void*);
  void stop_data_reactors();
  void settle();

  Options options_;
  const Launcher& launcher_;
  AccessPolicy policy_;
  Notifier notifier_;
  int exit_code_ = 0;
  bool ending_ = false;
  bool gone_ = false;  // another daemon has taken over
  std::unique_ptr<hal::Reactor> control_;
  std::vector<std::unique_ptr<hal::Reactor>> data_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Store> store_;
  std::optional<ListeningSocket> socket_;  // until the server has it
  std::unique_ptr<hal::Worker> store_worker_, media_worker_, device_worker_;
  std::unique_ptr<scsi::MetadataStore> metadata_;
  std::unique_ptr<hal::Datamover> tcp_;
  std::unique_ptr<Captures> captures_;
  std::unique_ptr<scsi::Core> core_;
  std::unique_ptr<iscsi::Fabric> fabric_;
  std::unique_ptr<Adapters> adapters_;
  std::unique_ptr<fcp::Fabric> fcp_;
  std::unique_ptr<FcPorts> fc_ports_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Transactor> transactor_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Arrival> arrival_;  // until this daemon has taken over
  std::unique_ptr<Departure> departure_;
  std::unique_ptr<SignalWatch> signals_;
  std::unique_ptr<Watchdog> watchdog_;
  hal::Timer end_timer_{&Daemon::too_late, nullptr};
  hal::Timer leave_timer_{&Daemon::leave, nullptr};
};

}  // namespace ctl
