// A client of outboard-emu: the emulated adapters, cables and switch.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/rpc/json.h"

namespace ctl {

inline constexpr const char* kDefaultSan = "/run/san/control.sock";

// Says one command (`help` names them all), e.g. {"link", "0", "down"}, and returns what outboard-emu answers to it, an
// object. Errc::kNotFound: nobody listens on `path`; Errc::kInvalid: refused, in the emulator's words.
base::Result<Json> san_command(const std::string& path, const std::vector<std::string>& words,
                               std::chrono::milliseconds limit = std::chrono::seconds(30));

}  // namespace ctl
