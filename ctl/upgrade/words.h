// What the two daemons of an upgrade say to each other, in this order (README.md).
#pragma once

#include "base/clock.h"

namespace ctl::handover {

inline constexpr const char* kHello = "hello";        // new: {protocol, version, pid}
inline constexpr const char* kWelcome = "welcome";    // old: {}; the lock of the state directory, the management socket
inline constexpr const char* kPrepared = "prepared";  // new: {}
inline constexpr const char* kMedia = "media";        // old: state.h, without sessions; it still serves
inline constexpr const char* kSettled = "settled";    // new: {}; the configuration is in force
inline constexpr const char* kState = "state";        // old: state.h, what is true now that nobody is served
inline constexpr const char* kReady = "ready";        // new: {}
inline constexpr const char* kGo = "go";              // old: {}
inline constexpr const char* kFailed = "failed";      // new: {text}, instead of anything else

// The new daemon starts and makes its reactors; puts the configuration in force; takes the sessions in.
inline constexpr base::Duration kPrepareLimit = std::chrono::seconds(30);
inline constexpr base::Duration kConfigureLimit = std::chrono::minutes(2);
inline constexpr base::Duration kTakeLimit = std::chrono::seconds(10);
// The new daemon waits for the media, for the sessions to come to rest (the departure's own limits are shorter), then
// for the word.
inline constexpr base::Duration kMediaLimit = std::chrono::seconds(30);
inline constexpr base::Duration kStateLimit = std::chrono::minutes(2);
inline constexpr base::Duration kGoLimit = std::chrono::seconds(10);

}  // namespace ctl::handover
