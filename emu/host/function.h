// A modelled PCI function as its bus sees it: configuration space, BARs, interrupts and the memory that it may reach,
// around one DeviceModel. What differs between hosts is where accesses come from and who maps the memory.
//
// The model's thread, but for map and unmap, which may come from any: DMA copies under their lock.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "emu/device_model.h"
#include "emu/host/config_space.h"
#include "emu/host/dma_map.h"
#include "emu/host/interrupts.h"
#include "hal/reactor.h"

namespace emu {

// Reaches memory that was mapped without being shared. Blocks, with a limit.
class RemoteMemory {
 public:
  virtual ~RemoteMemory() = default;
  virtual base::Result<void> read(hal::Iova from, std::span<std::byte> to) = 0;
  virtual base::Result<void> write(hal::Iova to, std::span<const std::byte> from) = 0;
};

// Owner: calls attach() once, then poll(), or adds it to a reactor as a Poller.
class Function : public ModelHost, public hal::Poller {
 public:
  Function(const base::Clock& clock, std::string name);
  ~Function() override;
  void attach(DeviceModel& model);  // powers it on; the model outlives this object's use
  bool attached() const { return model_ != nullptr; }
  DeviceModel& model() const { return *model_; }
  const std::string& name() const { return name_; }

  base::Result<void> dma_read(hal::Iova from, std::span<std::byte> to) override;
  base::Result<void> dma_write(hal::Iova to, std::span<const std::byte> from) override;
  hal::InterruptKind interrupts() const override { return interrupts_->kind(); }
  void raise(unsigned vector) override;
  void set_intx(bool asserted) override;
  base::Time now() const override { return clock_.now(); }
  void fault(std::string_view what) override;

  bool poll() override;  // one step of the model
  std::uint64_t faults() const { return faults_.load(std::memory_order_relaxed); }
  // Surprise removal: everything reads as all ones, nothing is written, no DMA, no interrupt, for ever.
  void remove();
  bool removed() const { return removed_.load(std::memory_order_relaxed); }

  // --- for hosts ---
  std::uint32_t config_read(std::uint16_t offset, unsigned width) const;
  void config_write(std::uint16_t offset, unsigned width, std::uint32_t value);
  // `width`: 1, 2, 4 or 8, aligned to itself; beyond the BAR, or with memory space off, it reads as all ones.
  std::uint64_t bar_read(hal::Bar bar, std::uint64_t offset, unsigned width);
  void bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value);
  void reset(ResetKind kind);  // configuration space too; who listens to interrupts, and what is mapped, stays

  ConfigSpace& config() { return *config_; }
  Interrupts& irqs() { return *interrupts_; }
  void interrupts_chosen();  // after irqs() was changed: tells the model
  base::Result<void> map(hal::Iova at, const DmaRange& range);
  template <class Gone>
  std::size_t unmap(hal::Iova at, std::uint64_t size, Gone&& gone) {
    const std::lock_guard lock(dma_mutex_);
    return dma_.remove(at, size, std::forward<Gone>(gone));
  }
  void set_remote_memory(RemoteMemory* remote) { remote_ = remote; }

 private:
  template <class Bytes, class Copy>
  base::Result<void> dma(const char* what, hal::Iova at, Bytes bytes, bool write, Copy&& copy);
  bool in_bar(hal::Bar bar, std::uint64_t offset, unsigned width) const;
  enum class Place : std::uint8_t { kModel, kTable, kPending };
  Place place(hal::Bar bar, std::uint64_t offset) const;
  std::uint64_t table_access(Place place, std::uint32_t offset, unsigned width) const;
  void config_effect(ConfigSpace::Effect effect);

  const base::Clock& clock_;
  const std::string name_;
  DeviceModel* model_ = nullptr;
  std::unique_ptr<ConfigSpace> config_;
  std::unique_ptr<Interrupts> interrupts_ = std::make_unique<Interrupts>(0);
  std::mutex dma_mutex_;
  DmaMap dma_;
  RemoteMemory* remote_ = nullptr;
  std::atomic<std::uint64_t> faults_{0};
  std::atomic<bool> removed_{false};
};

}  // namespace emu
