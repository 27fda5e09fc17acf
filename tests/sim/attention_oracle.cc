// Book-keeping of unit attention conditions.
#include "tests/sim/attention_oracle.h"

#include <algorithm>

namespace sim {
namespace {

bool of_reset(std::uint16_t code) { return code >> 8 == 0x29; }

}  // namespace

void AttentionOracle::new_session() {
  for (Unit& unit : units_) {
    unit.known = false;
    unit.fresh = true;
    unit.certain.clear();
    unit.may[kPowerOn] = 1;
  }
}

void AttentionOracle::must(std::uint8_t lun, Code code, std::uint64_t began, std::uint64_t now) {
  Unit& unit = units_[lun];
  if (unit.known && unit.changed < began) unit.certain[code] = now;
}

void AttentionOracle::answer_lost(std::uint8_t lun, std::uint64_t now) {
  units_[lun].certain.clear();
  units_[lun].fresh = false;
  units_[lun].changed = now;
}

void AttentionOracle::reset_begins(std::uint8_t lun) {
  may(lun, kReset);
  std::erase_if(units_[lun].certain, [](const auto& one) { return !of_reset(one.first); });
}

void AttentionOracle::unit_remade(std::uint8_t lun) {
  Unit& unit = units_[lun];
  may(lun, kPowerOn);
  unit.known = unit.fresh = false;
  unit.certain.clear();
}

bool AttentionOracle::told(std::uint8_t lun, std::uint16_t code, std::uint64_t now) {
  Unit& unit = units_[lun];
  const auto reason = unit.may.find(code);
  if (reason == unit.may.end() || reason->second == 0) return false;
  --reason->second;
  unit.known = true;
  unit.fresh = false;
  unit.changed = now;
  // A condition that is more severe takes the place of a milder reset.
  std::erase_if(unit.certain,
                [&](const auto& one) { return one.first == code || (of_reset(one.first) && of_reset(code)); });
  return true;
}

bool AttentionOracle::kept_silent(std::uint8_t lun, std::uint64_t sent_at) const {
  const Unit& unit = units_[lun];
  return unit.fresh ||
         std::any_of(unit.certain.begin(), unit.certain.end(), [&](const auto& one) { return sent_at > one.second; });
}

}  // namespace sim
