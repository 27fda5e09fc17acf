// A whole target in one thread under a manual clock: RAM disks, the SCSI core, the iSCSI fabric, TCP connections over
// socket pairs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fabrics/iscsi/service.h"
#include "hal/reactor.h"
#include "scsi_core/core.h"
#include "scsi_core/metadata_store.h"
#include "tests/support/pair_datamover.h"

class SessionWorld {
 public:
  static constexpr const char* kTarget = "iqn.2026-01.test:open";
  static constexpr const char* kGuarded = "iqn.2026-01.test:guarded";  // asks for CHAP

  explicit SessionWorld(std::uint64_t seed = 1);  // of the order in which things are polled
  // Nothing may be left of those who were connected: sessions, commands, nexuses, buffers. Close their ends first.
  ~SessionWorld();
  int connect(const std::string& peer) { return datamover_->connect(peer); }
  void settle();  // until nothing is left to do; that must come
  void advance(base::Duration by);
  void require_online();  // no logical unit was taken offline
  base::Time now() const { return clock_.now(); }

  // What an operator does meanwhile.
  void map(bool both);                     // LUN 0 stays, LUN 1 comes and goes
  void resize(bool large);                 // LUN 0
  void keep_target(bool kept);             // the open target is deleted and made again
  void inject(std::uint8_t what);          // a delay, an abort, a medium error, a unit attention; once
  void log_out_all(base::Duration grace);  // asks every session to log out

  // Nothing is left in the pool of buffers, or a few of the smallest, until feed(), or time passes.
  void starve(bool few_left);
  void feed();

 private:
  void wait(const std::function<void(scsi::Done)>& call);
  void add_disk(const char* name, bool removable);

  base::ManualClock clock_;
  std::unique_ptr<hal::Reactor> reactor_;
  std::unique_ptr<PairDatamover> datamover_;
  std::unique_ptr<scsi::MetadataStore> metadata_;
  std::unique_ptr<scsi::Core> core_;
  std::unique_ptr<iscsi::Fabric> fabric_;
  iscsi::FabricConfig config_;
  std::size_t buffers_ = 0;        // that belong to nobody's session
  std::vector<std::byte*> hoard_;  // that starve() keeps
};
