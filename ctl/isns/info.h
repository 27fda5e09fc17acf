// What is told of one iSNS server.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace ctl::isns {

enum class State : std::uint8_t { kIdle, kConnecting, kTalking, kRegistered, kWaiting };
const char* state_name(State state);  // "registered"

// Of each target of ours, the initiators that share a discovery domain with it.
using Members = std::map<std::string, std::vector<std::string>>;

struct Info {
  std::string server, entity;
  State state = State::kIdle;
  bool registered = false;  // as far as we know; also while it is refreshed or tried again
  std::size_t targets = 0;
  std::string last_error;  // empty: there was none
  base::Duration error_age{};
  std::optional<base::Duration> next_try;  // or refresh
  std::uint64_t inquiries = 0, notifications = 0;
  bool access_control = false;
  std::optional<Members> members;  // with access_control, once the server has told
};

}  // namespace ctl::isns
