// Following events: one question after the other, each from where the last answer ended.
#include "ctl/tgtctl/events.h"

#include <fmt/format.h>

#include <cstdio>

#include "ctl/libtgt/client.h"
#include "ctl/tgtctl/exit_codes.h"
#include "ctl/tgtctl/table.h"

namespace ctl {
namespace {

std::string field(const Json& event, const char* key) {
  const Json value = event.value(key, Json());
  return printable(value.is_string() ? value.get<std::string>() : value.is_null() ? std::string() : print_json(value));
}

base::Result<Json> ask(Client& client, std::uint64_t after, const char* wait) {
  Json answer = TRY(client.call("event.list", {{"after", after}, {"wait", wait}}));
  if (!answer.is_object() || !answer.value("last", Json()).is_number_unsigned()) {
    return base::fail(base::Errc::kIo, "the daemon's answer has no events");
  }
  return answer;
}

std::uint64_t end_of(const Json& answer, std::uint64_t after) {
  const Json events = answer.value("events", Json::array());
  if (!events.is_array() || events.empty()) return after;
  return events.back().value("number", after);
}

base::Result<void> follow(Client& client, bool json) {
  const Json now = TRY(ask(client, INT64_MAX, "0s"));
  for (std::uint64_t after = now["last"].get<std::uint64_t>();;) {
    const Json answer = TRY(ask(client, after, "60s"));
    fputs(format_events(answer, json).c_str(), stdout);
    if (fflush(stdout) != 0) return {};  // nobody reads any more
    after = end_of(answer, after);
  }
}

base::Result<void> list(Client& client, bool json) {
  for (std::uint64_t after = 0;;) {
    const Json answer = TRY(ask(client, after, "0s"));
    fputs(format_events(answer, json).c_str(), stdout);
    const std::uint64_t end = end_of(answer, after);
    if (end == after) return {};
    after = end;
  }
}

int report(const base::Error& error, int code) {
  fputs(("tgtctl: " + error.text + "\n").c_str(), stderr);
  return code;
}

}  // namespace

std::string format_events(const Json& answer, bool json) {
  std::string out;
  if (const Json lost = answer.value("lost", Json(0)); lost != 0) {
    out += json ? print_json({{"lost", lost}}) + "\n" : fmt::format("({} events were lost)\n", field(answer, "lost"));
  }
  for (const Json& event : answer.value("events", Json::array())) {
    out += json ? print_json(event)
                : fmt::format("{}  {}  {}  {}  {}", field(event, "time"), field(event, "source"), field(event, "event"),
                              field(event, "subject"), field(event, "detail"));
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  return out;
}

int run_events(const EventsOptions& options) {
  auto client = Client::connect(options.socket);
  if (!client) return report(client.error(), kNoDaemon);
  const auto done = options.follow ? follow(*client, options.json) : list(*client, options.json);
  return done ? 0 : report(done.error(), client->broken() ? kNoDaemon : kRefused);
}

}  // namespace ctl
