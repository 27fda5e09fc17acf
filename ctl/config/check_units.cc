// Rules of logical units, groups and views.
#include <bit>
#include <tuple>

#include "ctl/config/checker.h"
#include "ctl/config/names.h"
#include "scsi_core/backstores/backstores.h"

namespace ctl {
namespace {

// Empty: it is in no file.
std::string protection_path_of(const LogicalUnit& lu) {
  const StoreSpec& spec = lu.store;
  if (lu.unit.protection_type == 0 || !spec.protection_path.empty()) return spec.protection_path;
  return spec.kind == StoreKind::kFile ? spec.path + scsi::kProtectionSuffix : std::string();
}

}  // namespace

void Checker::logical_units() {
  std::set<std::string> paths, identities;
  for (std::size_t i = 0; i < config_.logical_units.size(); ++i) {
    const LogicalUnit& lu = config_.logical_units[i];
    require(valid_name(lu.unit.name), "lu", i, "name", "lu \"{}\": a name is 1 to 64 of letters, digits and . _ -",
            lu.unit.name);
    identity(i, lu.unit);
    store(i, lu);
    require(lu.store.path.empty() || paths.insert(lu.store.path).second, "lu", i, "path",
            "lu \"{}\": another logical unit has the same path", lu.unit.name);
    const std::string beside = protection_path_of(lu);
    require(beside.empty() || paths.insert(beside).second, "lu", i, "protection_path",
            "lu \"{}\": its protection information would be in the file of another logical unit", lu.unit.name);
    require(lu.unit.naa_high == 0 || identities.insert(format_naa(lu.unit)).second, "lu", i, "naa",
            "lu \"{}\": another logical unit has the same naa", lu.unit.name);
  }
}

void Checker::identity(std::size_t index, const scsi::LuConfig& unit) {
  const auto field = [&](const char* key, const std::string& value, std::size_t most) {
    require(value.size() <= most && printable_ascii(value), "lu", index, key,
            "lu \"{}\": {} is at most {} printable ASCII characters", unit.name, key, most);
  };
  field("vendor", unit.vendor, 8);
  field("product", unit.product, 16);
  field("revision", unit.revision, 4);
  field("serial", unit.serial, 36);
}

void Checker::store(std::size_t index, const LogicalUnit& lu) {
  const StoreSpec& spec = lu.store;
  const auto rule = [&](bool holds, const char* key, const char* text) {
    require(holds, "lu", index, key, "lu \"{}\": {}", lu.unit.name, text);
  };
  const bool on_path = spec.kind == StoreKind::kFile || spec.kind == StoreKind::kBlock;
  rule(!on_path || !spec.path.empty(), "path", "a file or block backstore needs a path");
  rule(on_path || spec.path.empty(), "path", "only file and block backstores have a path");
  rule(spec.path.empty() || valid_path(spec.path), "path", "path must be absolute, below 4,096 bytes of UTF-8");
  rule(spec.size != 0 || spec.kind == StoreKind::kBlock, "size", "size is missing");
  rule(spec.block_size == 512 || spec.block_size == 4096, "block_size", "block_size must be 512 or 4096");
  const std::uint32_t physical = lu.unit.physical_block_size;
  rule(physical == 0 || (std::has_single_bit(physical) && physical >= spec.block_size && physical <= 65536),
       "physical_block_size", "physical_block_size must be a power of two from block_size to 65536");
  rule(spec.memory_limit == 0 || spec.kind == StoreKind::kRam, "memory_limit",
       "only ram backstores have a memory_limit");
  const std::string& beside = spec.protection_path;
  rule(beside.empty() || lu.unit.protection_type != 0, "protection_path",
       "protection_path is for logical units with a protection_type");
  rule(on_path || beside.empty(), "protection_path", "only file and block backstores have a protection_path");
  rule(beside.empty() || valid_path(beside), "protection_path",
       "protection_path must be absolute, below 4,096 bytes of UTF-8");
  rule(lu.unit.protection_type == 0 || spec.kind != StoreKind::kBlock || !beside.empty(), "protection_path",
       "a block device has no room for protection information: name a file for it in protection_path");
  rule(spec.block_size == 0 || spec.size % spec.block_size == 0, "size", "size must be a multiple of block_size");
}

void Checker::groups() {
  const auto& hosts = config_.mapping.host_groups;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    require(valid_name(hosts[i].name), "host_group", i, "name",
            "host_group \"{}\": a name is 1 to 64 of letters, digits and . _ -", hosts[i].name);
    for (const std::string& pattern : hosts[i].initiators) {
      require(valid_initiator_pattern(pattern), "host_group", i, "initiators",
              "host_group \"{}\": \"{}\" is not an initiator name or pattern", hosts[i].name, pattern);
    }
  }
  const auto& targets = config_.mapping.target_groups;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    require(valid_name(targets[i].name) && !target_names_.contains(targets[i].name), "target_group", i, "name",
            "target_group \"{}\": a name is 1 to 64 of letters, digits and . _ -, and no target's", targets[i].name);
    for (const std::string& member : targets[i].targets) {
      require(target_names_.contains(member), "target_group", i, "targets",
              "target_group \"{}\": there is no target \"{}\"", targets[i].name, member);
    }
  }
}

void Checker::views() {
  std::set<std::tuple<std::string_view, std::string_view, std::string_view, std::uint32_t>> seen;
  for (std::size_t i = 0; i < config_.mapping.views.size(); ++i) {
    const scsi::View& view = config_.mapping.views[i];
    const std::string what = fmt::format("view of lu \"{}\" at LUN {}", view.lu, view.lun);
    require(lu_names_.contains(view.lu), "view", i, "lu", "{}: there is no such lu", what);
    require(view.host_group.empty() || host_groups_.contains(view.host_group), "view", i, "host_group",
            "{}: there is no host_group \"{}\"", what, view.host_group);
    require(view.target_group.empty() || target_groups_.contains(view.target_group) ||
                target_names_.contains(view.target_group),
            "view", i, "target_group", "{}: there is no target_group or target \"{}\"", what, view.target_group);
    require(view.lun <= scsi::kMaxLunNumber, "view", i, "lun", "{}: a LUN is 0 to {}", what, scsi::kMaxLunNumber);
    require(seen.insert({view.lu, view.host_group, view.target_group, view.lun}).second, "view", i, "lu",
            "{} is there twice", what);
  }
}

}  // namespace ctl
