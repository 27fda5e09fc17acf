// How log lines look: text for people, one JSON object a line for what collects logs, or with the priority that
// journald reads (sd-daemon(3)).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"

namespace base {

enum class LogFormat : std::uint8_t { kText, kJson, kJournal };

void set_log_format(LogFormat format);  // before threads log

// The members of a JSON line but its time and level: "logger", "message", and what the message was made of, "event"
// (the text with {} for each argument: the same for all lines of one kind) and "arguments", in order, as texts.
std::string json_members(std::string_view logger, std::string_view message, fmt::string_view event,
                         fmt::format_args arguments);

}  // namespace base
