// Unit attention conditions of one I_T_L nexus in precedence order (SAM-5 5.14).
#include <algorithm>

#include "scsi_core/nexus.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr int kOthers = 5;

// SAM-5 5.14, unit attention condition precedence levels: 0 is reported first.
int level(const SenseCode& code) {
  if (code == kPowerOnResetOrBusDeviceReset || code == kPowerOnOccurred || code == kDeviceInternalReset) return 0;
  if (code == kScsiBusResetOccurred) return 1;
  if (code == kBusDeviceResetFunctionOccurred) return 2;
  if (code == kITNexusLossOccurred) return 3;
  if (code == kCommandsClearedByPowerLoss) return 4;
  return kOthers;
}

// What a reset of this level leaves nothing of: every condition that is not more severe. The loss of an I_T nexus says
// nothing about the logical unit, so mode pages or capacity that changed are still to be told.
bool clears_milder(int level_of_new) { return level_of_new <= 2; }

}  // namespace

void UnitAttentions::establish(SenseCode code) {
  const int mine = level(code);
  const auto end = pending_.begin() + count_;
  if (std::find(pending_.begin(), end, code) != end) return;
  if (count_ > 0 && clears_milder(level(pending_[0])) && level(pending_[0]) <= mine && mine < kOthers) return;
  if (clears_milder(mine)) {
    count_ = 1;
    pending_[0] = code;
    return;
  }
  if (count_ == kCapacity) {
    establish(kPowerOnResetOrBusDeviceReset);
    return;
  }
  const auto at = std::find_if(pending_.begin(), end, [&](const SenseCode& other) { return level(other) > mine; });
  std::move_backward(at, end, end + 1);
  *at = code;
  ++count_;
}

bool UnitAttentions::precedes_reservation_conflict() const { return count_ > 0 && level(pending_[0]) < kOthers; }

void UnitAttentions::pop() {
  std::move(pending_.begin() + 1, pending_.begin() + count_, pending_.begin());
  --count_;
}

bool UnitAttentions::clear(SenseCode code) {
  const auto end = pending_.begin() + count_;
  const auto at = std::find(pending_.begin(), end, code);
  if (at == end) return false;
  std::move(at + 1, end, at);
  --count_;
  return true;
}

}  // namespace scsi
