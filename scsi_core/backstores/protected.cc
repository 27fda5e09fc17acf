// A protected medium changes its size.
#include "scsi_core/backstores/protected.h"

namespace scsi {

// There is never a block without protection information; what a smaller medium loses is "not checked" when it is back.
base::Result<void> ProtectedStore::resize(std::uint64_t blocks) {
  const bool grows = blocks > data_->geometry().blocks;
  if (grows) TRY(information_->resize(blocks));
  TRY(data_->resize(blocks));
  if (!grows) TRY(information_->resize(blocks));
  return {};
}

}  // namespace scsi
