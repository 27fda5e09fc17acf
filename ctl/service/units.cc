// Logical units.
#include <algorithm>
#include <map>

#include "ctl/service/service.h"
#include "ctl/service/show.h"

namespace ctl {
namespace {

base::Result<LogicalUnit> lu_from(const Params& params) {
  LogicalUnit lu;
  const auto text = [&](const char* key, std::string& out) {
    if (params.has(key)) out = params.text(key);
  };
  const auto flag = [&](const char* key, bool& out) {
    if (params.has(key)) out = params.flag(key);
  };
  lu.unit.name = params.text("name");
  lu.store.kind = TRY(parse_store_kind(params.text("backstore")));
  lu.store.path = params.text("path");
  lu.store.size = params.size("size");
  if (params.has("block_size")) lu.store.block_size = static_cast<std::uint32_t>(params.integer("block_size"));
  if (params.has("physical_block_size")) {
    lu.unit.physical_block_size = static_cast<std::uint32_t>(params.integer("physical_block_size"));
  }
  flag("thin", lu.store.thin);
  lu.store.memory_limit = params.size("memory_limit");
  if (params.has("protection_type")) {
    lu.unit.protection_type = static_cast<std::uint8_t>(params.integer("protection_type"));
  }
  text("protection_path", lu.store.protection_path);
  text("vendor", lu.unit.vendor);
  text("product", lu.unit.product);
  text("revision", lu.unit.revision);
  text("serial", lu.unit.serial);
  if (params.has("naa")) TRY(parse_naa(params.text("naa"), lu.unit));
  flag("removable", lu.unit.removable);
  flag("write_protected", lu.unit.write_protected);
  flag("write_cache", lu.unit.write_cache);
  return lu;
}

base::Result<LogicalUnit*> find_lu(Config& config, const std::string& name) {
  LogicalUnit* const lu = config.find_lu(name);
  if (lu == nullptr) return base::fail(base::Errc::kNotFound, "there is no lu \"" + name + "\"");
  return lu;
}

Json configured_and_running(const LogicalUnit& lu, const std::map<std::string, Json>& running, const Machine& machine) {
  Json out = show(lu);
  const auto found = running.find(lu.unit.name);
  if (found != running.end()) {
    out.update(found->second);
  } else {
    out["state"] = "absent: " + machine.why_absent(lu.unit.name).value_or("it is being created or removed");
  }
  return out;
}

}  // namespace

void Service::lu_create(const Params& params, Reply reply) {
  const auto lu = lu_from(params);
  if (!lu) return reply(tl::unexpected<base::Error>(lu.error()));
  change(
      [lu = *lu](Config& config) -> base::Result<void> {
        if (config.find_lu(lu.unit.name) != nullptr) {
          return base::fail(base::Errc::kExists, "lu \"" + lu.unit.name + "\" is there already");
        }
        config.logical_units.push_back(lu);
        return {};
      },
      std::move(reply));
}

void Service::lu_delete(const Params& params, Reply reply) {
  change(
      [name = params.text("name")](Config& config) -> base::Result<void> {
        TRY(find_lu(config, name));
        std::erase_if(config.logical_units, [&](const LogicalUnit& lu) { return lu.unit.name == name; });
        std::erase_if(config.mapping.views, [&](const scsi::View& view) { return view.lu == name; });
        return {};
      },
      std::move(reply));
}

void Service::lu_resize(const Params& params, Reply reply) {
  Transactor::Options options;
  options.allow_shrink = params.flag("shrink");
  change(
      [name = params.text("name"), size = params.size("size")](Config& config) -> base::Result<void> {
        TRY(find_lu(config, name))->store.size = size;
        return {};
      },
      std::move(reply), options);
}

void Service::lu_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        LogicalUnit* const lu = TRY(find_lu(config, params.text("name")));
        if (params.has("write_protected")) lu->unit.write_protected = params.flag("write_protected");
        return {};
      },
      std::move(reply));
}

void Service::lu_list(const Params&, Reply reply) { list_lus("", std::move(reply)); }

void Service::lu_show(const Params& params, Reply reply) {
  Config config = transactor_.config();
  if (const auto lu = find_lu(config, params.text("name")); !lu) {
    return reply(tl::unexpected<base::Error>(lu.error()));
  }
  list_lus(params.text("name"), std::move(reply));
}

// All, or only one: then as an object, with its views.
void Service::list_lus(std::string only, Reply reply) {
  machine_.list_lus([this, only = std::move(only), reply = std::move(reply)](const std::vector<scsi::LuInfo>& infos) {
    std::map<std::string, Json> running;
    for (const scsi::LuInfo& info : infos) running[info.config.name] = show(info);
    Json out = Json::array();
    for (const LogicalUnit& lu : transactor_.config().logical_units) {
      if (only.empty() || only == lu.unit.name) out.push_back(configured_and_running(lu, running, machine_));
    }
    if (only.empty()) return reply(std::move(out));
    if (out.empty()) return reply(base::fail(base::Errc::kNotFound, "there is no lu \"" + only + "\" any more"));
    Json one = std::move(out[0]);
    one["views"] = Json::array();
    for (const scsi::View& view : transactor_.config().mapping.views) {
      if (view.lu == only) one["views"].push_back(show(view));
    }
    reply(std::move(one));
  });
}

}  // namespace ctl
