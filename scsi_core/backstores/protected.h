// A protected medium: the data on one medium, and eight bytes of protection information for each block on another.
//
// The second medium holds them inverted: what was never written, or was unmapped, is zeros there, and reads as all
// ones, which is "not checked" (SBC-4 4.21). Who reads and writes it inverts (disk/protected.h).
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "scsi_core/backstore.h"

namespace scsi {

class ProtectedStore final : public Backstore {
 public:
  // `information`: a medium of blocks of kProtectionBytes, as many as `data` has.
  ProtectedStore(std::unique_ptr<Backstore> data, std::unique_ptr<Backstore> information)
      : data_(std::move(data)), information_(std::move(information)) {}

  StoreGeometry geometry() const override { return data_->geometry(); }
  bool lends() const override { return data_->lends(); }
  bool volatile_cache() const override { return data_->volatile_cache() || information_->volatile_cache(); }
  base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) override {
    return data_->open_channel(reactor);
  }
  base::Result<void> resize(std::uint64_t blocks) override;
  base::Result<StoreExtent> extent_at(std::uint64_t offset) override { return data_->extent_at(offset); }
  std::string describe() const override { return data_->describe() + ", protected"; }
  base::Result<void> hand_over(MediumState& out) override;
  base::Result<void> take_over(MediumState& state) override;
  Backstore* protection() override { return information_.get(); }

 private:
  const std::unique_ptr<Backstore> data_, information_;
};

}  // namespace scsi
