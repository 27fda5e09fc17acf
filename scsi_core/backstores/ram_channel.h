// One reactor's way to a RAM disk: lends its memory; copies for those who bring buffers of their own.
#pragma once

#include "scsi_core/backstores/answers.h"
#include "scsi_core/backstores/ram.h"

namespace scsi {

class RamChannel final : public StoreChannel, private hal::Deferred {
 public:
  RamChannel(RamStore& store, hal::Reactor& reactor)
      : hal::Deferred(&RamChannel::trim_turn), store_(store), reactor_(reactor), answers_(reactor) {}
  ~RamChannel() override {
    if (hal::Deferred::linked()) hal::Deferred::unlink();
  }
  void submit(StoreRequest& request) override;
  std::uint64_t lend_for_read(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                              std::uint32_t& segments) override {
    if (!out.empty() && store_.lend_existing(offset, length, *out.data())) {
      segments = 1;
      return length;
    }
    return store_.lend_for_read(offset, length, out, segments);
  }
  std::uint64_t lend_for_write(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                               std::uint32_t& segments, StoreStatus& status) override {
    if (!out.empty() && store_.lend_existing(offset, length, *out.data())) {
      segments = 1;
      status = StoreStatus::kGood;
      return length;
    }
    return store_.lend_for_write(offset, length, out, segments, status);
  }

 private:
  void read(StoreRequest& request);
  void write(StoreRequest& request);
  // A bounded part of the oldest UNMAP or WRITE ZEROES: giving memory back takes the kernel time.
  static void trim_turn(hal::Deferred& deferred);

  RamStore& store_;
  hal::Reactor& reactor_;
  Answers answers_;
  base::IntrusiveList<StoreRequest> trims_;
};

}  // namespace scsi
