// A small device for tests of everything that stands between a driver and a model: it copies memory by DMA, on request,
// and interrupts when it has.
#pragma once

#include <array>

#include "emu/device_model.h"
#include "hal/reg.h"

namespace test_support {

namespace toy {
struct Id : hal::Reg<Id, 0x00, std::uint32_t, hal::Access::kRo> {};
struct Scratch : hal::RegArray<Scratch, 0x10, std::uint32_t, hal::Access::kRw, 4, 4> {};
struct Source : hal::Reg<Source, 0x20, std::uint64_t, hal::Access::kRw> {};
struct Target : hal::Reg<Target, 0x28, std::uint64_t, hal::Access::kRw> {};
struct Length : hal::Reg<Length, 0x30, std::uint32_t, hal::Access::kRw> {};
struct Doorbell : hal::Reg<Doorbell, 0x34, std::uint32_t, hal::Access::kWo> {};  // the vector to raise when done
struct Done : hal::Reg<Done, 0x38, std::uint32_t, hal::Access::kRo> {};          // copies that succeeded
struct Failed : hal::Reg<Failed, 0x3c, std::uint32_t, hal::Access::kRo> {};
struct Acknowledge : hal::Reg<Acknowledge, 0x40, std::uint32_t, hal::Access::kWo> {};  // lowers INTx
struct Changes : hal::Reg<Changes, 0x44, std::uint32_t, hal::Access::kRo> {};          // calls of interrupts_changed()
constexpr std::uint32_t kId = 0x70590001;
constexpr std::uint32_t kLongest = 1 << 20;  // bytes of one copy
}  // namespace toy

class ToyModel : public emu::DeviceModel {
 public:
  explicit ToyModel(emu::ModelHost& host);
  const emu::Identity& identity() const override { return identity_; }
  std::uint64_t bar_read(hal::Bar bar, std::uint64_t offset, unsigned width) override;
  void bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) override;
  void interrupts_changed() override { ++changes_; }
  void reset(emu::ResetKind kind) override;
  bool poll() override;
  void quiesce() override { ++quiesced; }
  std::string dump() const override;

  int quiesced = 0, resets = 0;

 private:
  void copy();
  emu::ModelHost& host_;
  emu::Identity identity_;
  std::array<std::uint32_t, 4> scratch_{};
  std::uint64_t source_ = 0, target_ = 0;
  std::uint32_t length_ = 0, vector_ = 0, done_ = 0, failed_ = 0, changes_ = 0;
  bool rung_ = false;
};

}  // namespace test_support
