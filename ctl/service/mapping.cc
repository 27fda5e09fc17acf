// Views, host groups and target groups.
#include <set>

#include "ctl/service/edits.h"
#include "ctl/service/service.h"
#include "ctl/service/show.h"

namespace ctl {
namespace {

// The lowest LUN that no view uses: free for every host and target.
base::Result<std::uint32_t> free_lun(const Config& config) {
  std::set<std::uint32_t> used;
  for (const scsi::View& view : config.mapping.views) used.insert(view.lun);
  for (std::uint32_t lun = 0; lun <= scsi::kMaxLunNumber; ++lun) {
    if (!used.contains(lun)) return lun;
  }
  return base::fail(base::Errc::kNoSpace, "no LUN is free");
}

}  // namespace

void Service::view_add(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        scsi::View view{params.text("lu"), params.text("host_group"), params.text("target_group"), 0,
                        params.flag("read_only")};
        view.lun = params.has("lun") ? static_cast<std::uint32_t>(params.integer("lun")) : TRY(free_lun(config));
        config.mapping.views.push_back(std::move(view));
        return {};
      },
      std::move(reply));
}

void Service::view_remove(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        const auto removed = std::erase_if(config.mapping.views, [&](const scsi::View& view) {
          return view.lu == params.text("lu") && (!params.has("lun") || params.integer("lun") == view.lun) &&
                 (!params.has("host_group") || params.text("host_group") == view.host_group) &&
                 (!params.has("target_group") || params.text("target_group") == view.target_group);
        });
        if (removed == 0)
          return base::fail(base::Errc::kNotFound, "there is no such view of lu \"" + params.text("lu") + "\"");
        return {};
      },
      std::move(reply));
}

void Service::view_list(const Params&, Reply reply) {
  Json out = Json::array();
  for (const scsi::View& view : transactor_.config().mapping.views) out.push_back(show(view));
  reply(std::move(out));
}

void Service::host_group_create(const Params& params, Reply reply) {
  change(
      [params](Config& config) {
        return add_named(config.mapping.host_groups, "host group",
                         scsi::HostGroup{params.text("name"), words(params.list("initiators"))});
      },
      std::move(reply));
}

void Service::host_group_delete(const Params& params, Reply reply) {
  change([name = params.text("name")](
             Config& config) { return remove_named(config.mapping.host_groups, "host group", name); },
         std::move(reply));
}

void Service::host_group_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        scsi::HostGroup* const group = TRY(find_named(config.mapping.host_groups, "host group", params.text("name")));
        if (params.has("initiators")) group->initiators = words(params.list("initiators"));
        return {};
      },
      std::move(reply));
}

void Service::host_group_list(const Params&, Reply reply) {
  Json out = Json::array();
  for (const scsi::HostGroup& group : transactor_.config().mapping.host_groups) {
    out.push_back({{"name", group.name}, {"initiators", group.initiators}});
  }
  reply(std::move(out));
}

void Service::target_group_create(const Params& params, Reply reply) {
  change(
      [params](Config& config) {
        return add_named(config.mapping.target_groups, "target group",
                         scsi::TargetGroup{params.text("name"), words(params.list("targets"))});
      },
      std::move(reply));
}

void Service::target_group_delete(const Params& params, Reply reply) {
  change([name = params.text("name")](
             Config& config) { return remove_named(config.mapping.target_groups, "target group", name); },
         std::move(reply));
}

void Service::target_group_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        auto* const group = TRY(find_named(config.mapping.target_groups, "target group", params.text("name")));
        if (params.has("targets")) group->targets = words(params.list("targets"));
        return {};
      },
      std::move(reply));
}

void Service::target_group_list(const Params&, Reply reply) {
  Json out = Json::array();
  for (const scsi::TargetGroup& group : transactor_.config().mapping.target_groups) {
    out.push_back({{"name", group.name}, {"targets", group.targets}});
  }
  reply(std::move(out));
}

}  // namespace ctl
