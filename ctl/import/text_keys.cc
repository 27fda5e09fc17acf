// What other targets write for digests, flags and numbers.
#include "ctl/import/text_keys.h"

#include <algorithm>
#include <optional>

#include "ctl/config/target_keys.h"
#include "ctl/import/words.h"

namespace ctl {
namespace {

using iscsi::DigestUse;

KeyTaken take_digest(std::string_view value, DigestUse& out) {
  const bool none = value.find("None") != std::string_view::npos, crc = value.find("CRC32C") != std::string_view::npos;
  if (!none && !crc) return KeyTaken::kNo;
  out = none && crc ? DigestUse::kAny : crc ? DigestUse::kRequired : DigestUse::kNone;
  return KeyTaken::kYes;
}

KeyTaken take_flag(std::string_view value, bool& out) {
  if (value != "Yes" && value != "No") return KeyTaken::kNo;
  out = value == "Yes";
  return KeyTaken::kYes;
}

template <class Integer>
KeyTaken take_number(std::string_view value, Integer& out, std::uint64_t least, std::uint64_t most) {
  const std::optional<std::uint64_t> number = number_of<std::uint64_t>(value);
  if (!number) return KeyTaken::kNo;
  out = static_cast<Integer>(std::clamp(*number, least, most));
  return *number >= least && *number <= most ? KeyTaken::kYes : KeyTaken::kNearest;
}

}  // namespace

KeyTaken take_text_key(std::string_view key, std::string_view value, Target& target) {
  if (key == "ErrorRecoveryLevel") {
    return take_number(value, target.error_recovery_level, 0, iscsi::kMaxErrorRecoveryLevel);
  }
  KeyTaken taken = KeyTaken::kNo;
  for_each_target_key([&](const char*, const char* name, auto member, auto... range) {
    if (key != name) return;
    if constexpr (kIsDigest<decltype(member)>) {
      taken = take_digest(value, target.keys.*member);
    } else if constexpr (kIsFlag<decltype(member)>) {
      taken = take_flag(value, target.keys.*member);
    } else {
      taken = take_number(value, target.keys.*member, range...);
    }
  });
  return taken;
}

}  // namespace ctl
