// Commands in flight and fault injection.
#include <algorithm>
#include <charconv>

#include "ctl/service/service.h"
#include "ctl/service/show.h"

namespace ctl {
namespace {

using Kind = scsi::InjectRule::Kind;

Kind parse_kind(const std::string& name) {  // one of the table's choices
  for (const Kind kind : {Kind::kDelay, Kind::kMediumError, Kind::kAbort}) {
    if (name == inject_kind_name(kind)) return kind;
  }
  return Kind::kUnitAttention;
}

base::Result<scsi::SenseCode> parse_sense(const std::string& text) {
  scsi::SenseCode sense{scsi::SenseKey::kUnitAttention, 0, 0};
  const char* const end = text.data() + text.size();
  const auto asc = std::from_chars(text.data(), end, sense.asc, 16);
  if (asc.ec == std::errc() && asc.ptr != end && *asc.ptr == '/') {
    const auto ascq = std::from_chars(asc.ptr + 1, end, sense.ascq, 16);
    if (ascq.ec == std::errc() && ascq.ptr == end) return sense;
  }
  return base::fail(base::Errc::kInvalid, "sense must be ASC/ASCQ in hexadecimal, e.g. 29/00");
}

base::Result<scsi::InjectRule> rule_from(const Params& params) {
  scsi::InjectRule rule;
  rule.kind = parse_kind(params.text("kind"));
  rule.lu = params.text("lu");
  rule.first_lba = static_cast<std::uint64_t>(params.integer("first_lba"));
  if (params.has("last_lba")) rule.last_lba = static_cast<std::uint64_t>(params.integer("last_lba"));
  rule.any_command = params.flag("any_command");
  if (params.has("opcode")) rule.opcode = static_cast<int>(params.integer("opcode"));
  rule.count = static_cast<std::uint32_t>(params.integer("count"));
  rule.delay = params.duration("delay");
  rule.sense = TRY(parse_sense(params.has("sense") ? params.text("sense") : "29/00"));
  if (rule.last_lba < rule.first_lba) return base::fail(base::Errc::kInvalid, "last_lba is before first_lba");
  if (rule.kind == Kind::kDelay && (rule.delay <= base::Duration::zero() || rule.delay > std::chrono::hours(1))) {
    return base::fail(base::Errc::kInvalid, "a delay of up to 1h is needed");
  }
  return rule;
}

}  // namespace

void Service::command_list(const Params& params, Reply reply) {
  machine_.list_commands([lu = params.text("lu"), reply = std::move(reply)](const std::vector<scsi::CommandInfo>& all) {
    Json out = Json::array();
    for (const scsi::CommandInfo& command : all) {
      if (lu.empty() || lu == command.lu) out.push_back(show(command));
    }
    reply(std::move(out));
  });
}

void Service::debug_inject(const Params& params, Reply reply) {
  const auto rule = rule_from(params);
  if (!rule) return reply(tl::unexpected<base::Error>(rule.error()));
  machine_.inject(*rule, [reply = std::move(reply)](const base::Result<std::uint32_t>& id) {
    if (!id) return reply(tl::unexpected<base::Error>(id.error()));
    reply(Json{{"id", *id}});
  });
}

// Of all fabrics, oldest first; or of one port, with what its adapter says.
void Service::debug_events(const Params& params, Reply reply) {
  if (params.has("port")) {
    machine_.dump_fc_port(params.text("port"), "events",
                          [reply = std::move(reply)](const base::Result<std::string>& text) {
                            if (!text) return reply(tl::unexpected<base::Error>(text.error()));
                            reply(Json{{"text", *text}});
                          });
    return;
  }
  machine_.list_events([this, reply = std::move(reply)](const std::vector<iscsi::EventInfo>& events) {
    Json out = Json::array();
    for (const iscsi::EventInfo& event : events) out.push_back(show(event));
    machine_.list_fc_events([out, reply](const std::vector<fcp::EventInfo>& more) mutable {
      for (const fcp::EventInfo& event : more) out.push_back(show(event));
      std::stable_sort(out.begin(), out.end(), [](const Json& a, const Json& b) { return a["age_ms"] > b["age_ms"]; });
      reply(std::move(out));
    });
  });
}

void Service::debug_inject_list(const Params&, Reply reply) {
  machine_.list_injects([reply = std::move(reply)](const std::vector<scsi::InjectRule>& rules) {
    Json out = Json::array();
    for (const scsi::InjectRule& rule : rules) out.push_back(show(rule));
    reply(std::move(out));
  });
}

void Service::debug_inject_remove(const Params& params, Reply reply) {
  machine_.remove_inject(static_cast<std::uint32_t>(params.integer("id")),
                         [reply = std::move(reply)](const base::Result<void>& result) {
                           if (!result) return reply(tl::unexpected<base::Error>(result.error()));
                           reply(Json::object());
                         });
}

}  // namespace ctl
