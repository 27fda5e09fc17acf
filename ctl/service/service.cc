// Status, whole configurations, and how changes are made.
#include "ctl/service/service.h"

#include <unistd.h>

#include "ctl/config/toml.h"
#include "ctl/service/show.h"

namespace ctl {

void Service::change(Transactor::Edit edit, Reply reply, Transactor::Options options) {
  transactor_.submit(std::move(edit), options, [reply = std::move(reply)](base::Result<Transactor::Report> report) {
    if (!report) return reply(tl::unexpected<base::Error>(report.error()));
    reply(show(*report));
  });
}

void Service::status(const Params&, Reply reply) {
  machine_.fc_counters(
      [this, reply = std::move(reply)](const fcp::FabricCounters& fc) { finish_status(show(fc), reply); });
}

void Service::finish_status(Json fc_counters, Reply reply) {
  machine_.counters([this, fc_counters = std::move(fc_counters),
                     reply = std::move(reply)](const iscsi::FabricCounters& counters) {
    const Config& config = transactor_.config();
    Json absent = Json::object();
    for (const LogicalUnit& lu : config.logical_units) {
      if (const auto why = machine_.why_absent(lu.unit.name)) absent[lu.unit.name] = *why;
    }
    Json out = {{"version", info_.version},
                {"pid", getpid()},
                {"uptime_s", std::chrono::duration_cast<std::chrono::seconds>(control_.now() - info_.started).count()},
                {"state_directory", store_.directory()},
                {"generation", store_.generation()},
                {"reactors", info_.reactors},
                {"portals", machine_.portal_addresses()},
                {"logical_units", config.logical_units.size()},
                {"absent", absent},
                {"targets", config.targets.size()},
                {"fc_ports", config.fc_ports.size()},
                {"views", config.mapping.views.size()},
                {"counters", show(counters)},
                {"fc_counters", fc_counters}};
    if (!transactor_.current_step().empty()) out["step"] = transactor_.current_step();
    reply(std::move(out));
  });
}

void Service::progress(const Params&, Reply reply) {
  const Transactor::Progress progress = transactor_.progress();
  if (!transactor_.busy()) return reply(Json{{"busy", false}});
  Json out = {{"busy", true},
              {"step", progress.step},
              {"steps_done", progress.steps.done},
              {"steps", progress.steps.of},
              {"waiting", progress.waiting}};
  if (progress.bytes.of != 0) {
    out["bytes_done"] = progress.bytes.done;
    out["bytes"] = progress.bytes.of;
  }
  reply(std::move(out));
}

void Service::apply(const Params& params, Reply reply) {
  Transactor::Options options;
  options.dry_run = params.flag("dry_run");
  options.allow_shrink = params.flag("shrink");
  const std::string origin = params.has("origin") ? params.text("origin") : "configuration";
  change(
      [text = params.text("text"), secrets = params.secret("secrets"), origin](Config& config) -> base::Result<void> {
        config = TRY(parse_config(text, origin, {secrets.reveal(), "secrets"}, &config));
        return {};
      },
      std::move(reply), options);
}

void Service::export_config(const Params&, Reply reply) { reply(Json{{"text", write_config(transactor_.config())}}); }

void Service::describe(const Params&, Reply reply) {
  Json out = Json::array();
  for (const Method& method : methods()) {
    Json params = Json::array();
    for (const Param& param : method.params) {
      Json one = {{"name", param.name},
                  {"type", param_type_name(param.type)},
                  {"required", param.use != Param::kOptional},
                  {"help", param.help}};
      if (param.choices != nullptr) one["choices"] = param.choices;
      params.push_back(std::move(one));
    }
    out.push_back({{"name", method.name}, {"help", method.help}, {"changes", method.changes}, {"params", params}});
  }
  reply(std::move(out));
}

}  // namespace ctl
