// What SendTargets answers (RFC 7143 appendix C), made piece by piece so that ten thousand targets cost no memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "fabrics/iscsi/settings.h"

namespace iscsi {

struct LoginIdentity;

// The address of a portal as this peer can use it: a wildcard becomes the address that the peer reached us by. Nothing
// when it reached us by the other kind of address (IPv4, IPv6).
std::optional<std::string> reachable_address(const std::string& portal, const std::string& local);

// Lists targets that the initiator may log in to and that have a portal it can reach; more or less where the settings
// say so. Keeps the settings of the moment.
class TargetListing {
 public:
  // `only`: one target's name in lower case; absent: all. Names that are unknown and names that are forbidden list
  // nothing alike.
  TargetListing(SettingsRef settings, const LoginIdentity& who, std::string local_address,
                std::optional<std::string> only);
  // The next at most `room` bytes; pairs may be cut anywhere, as the C bit allows.
  std::string next(std::size_t room);
  bool done() const { return next_ == end_ && rest_.empty(); }

 private:
  void describe_next();

  SettingsRef settings_;
  const std::string initiator_, peer_, local_address_;
  const std::uint16_t portal_group_;
  std::size_t next_ = 0, end_ = 0;  // targets
  std::string rest_;                // of the target that is being sent
};

}  // namespace iscsi
