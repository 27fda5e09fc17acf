// What lately happened, for those who ask and those who wait.
#include <fmt/chrono.h>

#include <chrono>

#include "ctl/service/service.h"
#include "ctl/service/show.h"
#include "ctl/wall_clock.h"

namespace ctl {
namespace {

constexpr auto kLongestWait = std::chrono::seconds(60);

// For people: the wall clock, less the event's age.
std::string wall_time(base::Duration age) {
  const auto at = std::chrono::floor<std::chrono::milliseconds>(wall_clock() - age);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                     (at - seconds).count());
}

Json show(const EventBatch& batch, base::Time now) {
  Json events = Json::array();
  for (const Event& event : batch.events) {
    const base::Duration age = std::max(now - event.at, base::Duration::zero());
    events.push_back({{"number", event.number},
                      {"time", wall_time(age)},
                      {"age_ms", milliseconds(age)},
                      {"source", event.source},
                      {"event", event.event},
                      {"subject", event.subject},
                      {"detail", event.detail}});
  }
  return {{"events", events}, {"lost", batch.lost}, {"last", batch.last}};
}

}  // namespace

void Service::event_list(const Params& params, Reply reply) {
  const base::Duration wait = params.duration("wait");
  if (wait > kLongestWait) return reply(base::fail(base::Errc::kInvalid, "wait is at most 60s"));
  events_.read(static_cast<std::uint64_t>(params.integer("after")), wait,
               [this, reply = std::move(reply)](const base::Result<EventBatch>& batch) {
                 if (!batch) return reply(tl::unexpected<base::Error>(batch.error()));
                 reply(show(*batch, control_.now()));
               });
}

}  // namespace ctl
