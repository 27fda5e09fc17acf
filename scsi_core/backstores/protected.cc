// A protected medium changes its size.
#include "scsi_core/backstores/protected.h"

#include "scsi_core/medium_state.h"

namespace scsi {

// There is never a block without protection information; what a smaller medium loses is "not checked" when it is back.
base::Result<void> ProtectedStore::resize(std::uint64_t blocks) {
  const bool grows = blocks > data_->geometry().blocks;
  if (grows) TRY(information_->resize(blocks));
  TRY(data_->resize(blocks));
  if (!grows) TRY(information_->resize(blocks));
  return {};
}

base::Result<void> ProtectedStore::hand_over(MediumState& out) {
  TRY(data_->hand_over(out));
  out.information = std::make_unique<MediumState>();
  return information_->hand_over(*out.information);
}

base::Result<void> ProtectedStore::take_over(MediumState& state) {
  TRY(data_->take_over(state));
  if (state.information == nullptr) return base::fail(base::Errc::kInvalid, "there is no protection information");
  return information_->take_over(*state.information);
}

}  // namespace scsi
