// Which unit attention conditions a nexus may be told of, and which it must be (SAM-5 5.14, SPC-5 annex F).
//
// "May": something has begun that establishes the condition, and it has not been told for it yet. "Must": it was over,
// the logical unit knew the nexus, and nothing that the nexus had sent could have taken the condition away unheard.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>

namespace sim {

class AttentionOracle {
 public:
  static constexpr std::size_t kUnits = 2;
  enum Code : std::uint16_t {  // ASC, ASCQ
    kPowerOn = 0x2901,
    kReset = 0x2903,    // LOGICAL UNIT RESET
    kCleared = 0x2f00,  // COMMANDS CLEARED BY ANOTHER INITIATOR
    kLunsChanged = 0x3f0e,
  };
  void new_session();
  void may(std::uint8_t lun, Code code) { ++units_[lun].may[code]; }
  // It is over at the time `now`, having begun at `began`: from now on it is certain, unless it was told meanwhile.
  void must(std::uint8_t lun, Code code, std::uint64_t began, std::uint64_t now);
  void reset_begins(std::uint8_t lun);  // which leaves nothing of milder conditions
  void unit_remade(std::uint8_t lun);   // taken away and given again
  // An answer that may have told of a condition will never be heard.
  void answer_lost(std::uint8_t lun, std::uint64_t now);
  // A unit attention was told. False: there was no reason for it.
  bool told(std::uint8_t lun, std::uint16_t code, std::uint64_t now);
  // A command sent at `sent_at` was served although it should have been told something first.
  bool kept_silent(std::uint8_t lun, std::uint64_t sent_at) const;
  void served(std::uint8_t lun) { units_[lun].known = true, units_[lun].fresh = false; }

 private:
  struct Unit {
    bool known = false;         // a command of this session was answered by it
    bool fresh = true;          // nothing was: the first answer tells of power on
    std::uint64_t changed = 0;  // when something was last told, or may have been
    std::map<std::uint16_t, std::uint32_t> may;
    std::map<std::uint16_t, std::uint64_t> certain;
  };
  std::array<Unit, kUnits> units_;
};

}  // namespace sim
