// Fibre Channel ports, their devices, and what their adapters show.
#include <algorithm>

#include "ctl/service/edits.h"
#include "ctl/service/service.h"
#include "ctl/service/show.h"

namespace ctl {
namespace {

base::Result<void> edit_name(const Params& params, const char* key, std::string& out) {
  if (!params.has(key)) return {};
  out.clear();
  if (params.text(key).empty()) return {};  // the adapter's own again
  const auto name = hal::fc::parse_wwn(params.text(key));
  if (!name || name->raw == 0) {
    return base::fail(base::Errc::kInvalid, fmt::format("{} must be 16 hexadecimal digits, not all zero", key));
  }
  out = to_string(*name);
  return {};
}

base::Result<void> edit_port(const Params& params, FcPort& port) {
  if (params.has("device")) port.device = params.text("device");
  if (params.has("parent")) port.parent = params.text("parent");
  TRY(edit_name(params, "wwpn", port.wwpn));
  TRY(edit_name(params, "wwnn", port.wwnn));
  if (params.has("loop")) port.loop = params.flag("loop");
  if (params.has("confirmed_completion")) port.confirmed_completion = params.flag("confirmed_completion");
  if (params.has("dual_role")) port.dual_role = params.flag("dual_role");
  if (params.has("report_changes")) port.report_changes = params.flag("report_changes");
  if (params.has("queues")) port.queues = static_cast<std::uint16_t>(params.integer("queues"));
  if (params.has("initiators")) port.initiators = words(params.list("initiators"));
  return {};
}

Done answer_empty(Reply reply) {
  return [reply = std::move(reply)](const base::Result<void>& result) {
    if (!result) return reply(tl::unexpected<base::Error>(result.error()));
    reply(Json::object());
  };
}

std::function<void(base::Result<std::string>)> answer_text(Reply reply) {
  return [reply = std::move(reply)](const base::Result<std::string>& text) {
    if (!text) return reply(tl::unexpected<base::Error>(text.error()));
    reply(Json{{"text", text->ends_with('\n') ? *text : *text + "\n"}});
  };
}

}  // namespace

void Service::port_add(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        FcPort port;
        port.name = params.text("name");
        TRY(edit_port(params, port));
        return add_named(config.fc_ports, "port", std::move(port));
      },
      std::move(reply));
}

void Service::port_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        return edit_port(params, *TRY(find_named(config.fc_ports, "port", params.text("name"))));
      },
      std::move(reply));
}

void Service::port_remove(const Params& params, Reply reply) {
  change([name = params.text("name")](Config& config) { return remove_named(config.fc_ports, "port", name); },
         std::move(reply));
}

void Service::switch_port(const std::string& name, bool enabled, Reply reply) {
  change(
      [name, enabled](Config& config) -> base::Result<void> {
        TRY(find_named(config.fc_ports, "port", name))->enabled = enabled;
        return {};
      },
      std::move(reply));
}

void Service::port_online(const Params& params, Reply reply) {
  switch_port(params.text("name"), true, std::move(reply));
}
void Service::port_offline(const Params& params, Reply reply) {
  switch_port(params.text("name"), false, std::move(reply));
}

void Service::port_list(const Params&, Reply reply) {
  machine_.list_fc_ports([reply = std::move(reply)](const std::vector<FcPortInfo>& ports) {
    Json out = Json::array();
    for (const FcPortInfo& port : ports) out.push_back(show(port));
    reply(std::move(out));
  });
}

void Service::port_show(const Params& params, Reply reply) {
  machine_.list_fc_ports([name = params.text("name"), reply = std::move(reply)](const std::vector<FcPortInfo>& ports) {
    for (const FcPortInfo& port : ports) {
      if (port.config.name == name) return reply(details(port));
    }
    reply(base::fail(base::Errc::kNotFound, fmt::format("there is no port \"{}\"", name)));
  });
}

void Service::device_list(const Params&, Reply reply) {
  machine_.list_devices([reply = std::move(reply)](const base::Result<std::vector<DeviceInfo>>& devices) {
    if (!devices) return reply(tl::unexpected<base::Error>(devices.error()));
    Json out = Json::array();
    for (const DeviceInfo& device : *devices) out.push_back(show(device));
    reply(std::move(out));
  });
}

void Service::device_bind(const Params& params, Reply reply) {
  machine_.bind_device(params.text("address"), answer_empty(std::move(reply)));
}
void Service::device_unbind(const Params& params, Reply reply) {
  for (const FcPort& port : transactor_.config().fc_ports) {
    if (port.device != params.text("address") || !port.enabled) continue;
    return reply(base::fail(base::Errc::kBusy,
                            fmt::format("{} is port \"{}\": take that offline first", port.device, port.name)));
  }
  machine_.unbind_device(params.text("address"), answer_empty(std::move(reply)));
}

void Service::debug_registers(const Params& params, Reply reply) {
  machine_.dump_fc_port(params.text("name"), "registers", answer_text(std::move(reply)));
}
void Service::debug_rings(const Params& params, Reply reply) {
  machine_.dump_fc_port(params.text("name"), "rings", answer_text(std::move(reply)));
}

}  // namespace ctl
