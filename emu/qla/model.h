// An ISP2532, or one of its successors, as a device model: registers in front of the firmware.
#pragma once

#include <memory>
#include <string>

#include "emu/device_model.h"
#include "emu/qla/chip.h"
#include "emu/qla/flash.h"
#include "emu/wire.h"

namespace emu::qla {

struct Firmware;
class QueuePages;
class Registers;

class Model final : public DeviceModel {
 public:
  Model(ModelHost& host, const Chip& chip, const Factory& factory, Wire& wire);
  ~Model() override;

  const Identity& identity() const override { return identity_; }
  std::uint64_t bar_read(hal::Bar bar, std::uint64_t offset, unsigned width) override;
  void bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) override;
  void interrupts_changed() override;
  void reset(ResetKind kind) override;
  bool poll() override;
  void quiesce() override {}  // DMA happens in poll() only
  std::string dump() const override;

  // --- faults on request
  void crash_firmware();                      // system error, event 8002
  void lose_mailbox_answers(unsigned count);  // of the next commands
  void lose_completions(unsigned count);      // of the next CTIOs
  void bounce_link();
  Flash& flash();

 private:
  ModelHost& host_;
  const Chip& chip_;
  Factory factory_;
  Identity identity_;
  std::unique_ptr<Firmware> firmware_;
  std::unique_ptr<Registers> registers_;
  std::unique_ptr<QueuePages> pages_;
};

}  // namespace emu::qla
