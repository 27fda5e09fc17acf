// saveconfig.json of targetcli (rtslib-fb): storage objects, iSCSI targets, Fibre Channel targets of qla2xxx.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "ctl/import/json_fields.h"
#include "ctl/import/readers.h"
#include "ctl/import/targetcli_nodes.h"

namespace ctl {
namespace {

// LIO makes its NAA from the unit serial number: company 00 14 05, then the first 25 hexadecimal digits.
constexpr std::string_view kLioNaa = "6001405";

void identity_of(LogicalUnit& lu, const std::string& serial) {
  lu.unit.serial = serial;
  std::string naa(kLioNaa);
  for (const char c : lower_case(serial)) {
    if (naa.size() < 32 && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) naa.push_back(c);
  }
  naa.resize(32, '0');
  if (!serial.empty()) (void)parse_naa(naa, lu.unit);
}

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}
  void run(JsonFields& root) {
    root.each("storage_objects", [this](JsonFields& object) { storage_object(object); });
    root.each("fabric_modules", [this](JsonFields& module) { fabric_module(module); });
    root.each("targets", [this](JsonFields& target) { this->target(target); });
    root.finish({}, kNoSetting);
  }

 private:
  void storage_object(JsonFields& in);
  bool backstore(JsonFields& in, const std::string& plugin, LogicalUnit& lu);
  void attributes(JsonFields& in, const std::string& name, const std::string& plugin, LogicalUnit& lu);
  void fabric_module(JsonFields& in);
  void target(JsonFields& in);
  void fc_target(JsonFields& in, const std::string& wwn);
  void iscsi_target(JsonFields& in, const std::string& wwn);

  Draft& draft_;
  LioUnits units_;  // "fileio/disk1" -> name of the logical unit
};

void Reader::storage_object(JsonFields& in) {
  const std::string plugin = in.text("plugin"), name = in.text("name");
  LogicalUnit lu;
  JsonFields attributes_in(in.object("attributes"), in.place("attributes"), draft_.findings);
  lu.store.block_size =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(attributes_in.number("block_size").value_or(512), 65536));
  lu.unit.write_cache = in.flag("write_back", false);
  lu.unit.write_protected = in.flag("readonly", false);
  identity_of(lu, in.text("wwn"));
  if (!backstore(in, plugin, lu)) return;
  attributes(attributes_in, name, plugin, lu);
  draft_.identity(lu, in.place());
  in.each("alua_tpgs", [this](JsonFields& group) {
    const std::string group_name = group.text("name");
    if (group_name == "default_tg_pt_gp") return;
    draft_.note(group.place(), "ALUA group " + base::escaped(group_name, 100), "groups of target ports cannot be set",
                "all paths are active and optimized");
  });
  in.finish({"aio", "exclusive", "hw_max_sectors"}, kNoSetting);
  units_[plugin + "/" + name] = draft_.add_lu(std::move(lu), name, in.place());
}

bool Reader::backstore(JsonFields& in, const std::string& plugin, LogicalUnit& lu) {
  const std::string path = in.text("dev");
  const std::uint64_t size = in.number("size").value_or(0);
  if (plugin == "fileio" || plugin == "block") return draft_.on_medium(lu, path, size, in.place());
  if (plugin == "ramdisk") {
    lu.store.kind = in.flag("nullio", false) ? StoreKind::kNull : StoreKind::kRam;
    lu.store.size = size;
    return true;
  }
  const auto facts = plugin == "pscsi" ? draft_.machine().medium(path) : std::nullopt;
  if (facts && facts->block) {
    draft_.note(in.place(), "pass-through of " + base::escaped(path, 200), "commands are not handed to a device",
                "it is served as a block device, with an identity of its own");
    return draft_.on_medium(lu, path, 0, in.place());
  }
  draft_.note(in.place(), "backstore " + base::escaped(plugin, 40),
              plugin == "pscsi" ? "commands are not handed to a device, and this one is no block device"
                                : "there is no such backstore",
              "the logical unit is left out");
  return false;
}

void Reader::attributes(JsonFields& in, const std::string& name, const std::string& plugin, LogicalUnit& lu) {
  if (plugin != "pscsi") {
    lu.unit.vendor = "LIO-ORG";
    lu.unit.revision = "4.0";
    lu.unit.product = plugin == "fileio" ? "FILEIO" : plugin == "block" ? "IBLOCK" : "RAMDISK-MCP";
    if (in.flag("emulate_model_alias", true)) lu.unit.product = name;
    if (lu.unit.product.size() > 16) lu.unit.product.resize(16);  // as LIO does
  }
  lu.unit.write_cache = in.flag("emulate_write_cache", lu.unit.write_cache);
  const std::uint64_t protection = in.number("pi_prot_type").value_or(0);
  if (protection != 0 && lu.store.kind != StoreKind::kNull) {
    lu.unit.protection_type = static_cast<std::uint8_t>(std::min<std::uint64_t>(protection, 3));
    // Beside a file LIO keeps one of another format under the name that would be ours.
    if (!lu.store.path.empty()) lu.store.protection_path = lu.store.path + ".outboard-protection";
    const bool block = lu.store.kind == StoreKind::kBlock;
    if (block) {
      lu.unit.protection_type = 0;
      lu.store.protection_path.clear();
    }
    draft_.note(in.place("pi_prot_type"), "protection information that is there", "it is kept in another form",
                block ? "the logical unit has none; see protection_path" : "blocks read as not checked until written");
  }
  in.finish({"alua_support",
             "emulate_3pc=1",
             "emulate_caw=1",
             "emulate_dpo",
             "emulate_fua_read",
             "emulate_fua_write=1",
             "emulate_pr=1",
             "emulate_rest_reord=0",
             "emulate_rsoc=1",
             "emulate_tas=1",
             "emulate_tpu",
             "emulate_tpws",
             "emulate_ua_intlck_ctrl=0",
             "enforce_pr_isids=1",
             "force_pr_aptpl=0",
             "is_nonrot",
             "max_unmap_block_desc_count",
             "max_unmap_lba_count",
             "max_write_same_len",
             "optimal_sectors",
             "pi_prot_format=0",
             "pi_prot_verify=0",
             "pgr_support=1",
             "queue_depth",
             "unmap_granularity",
             "unmap_granularity_alignment",
             "unmap_zeroes_data",
             "submit_type=0",
             "complete_type=0",
             "hw_block_size",
             "hw_max_sectors",
             "hw_pi_prot_type",
             "hw_queue_depth"},
            kNoSetting);
}

void Reader::fabric_module(JsonFields& in) {
  const std::string name = in.text("name");
  if (name != "iscsi") return in.finish({"discovery_enable_auth=0"}, kNoSetting);
  Access& discovery = draft_.config.discovery;
  discovery.chap = in.flag("discovery_enable_auth", false);
  const Account account = lio_account(in, "discovery_", "userid", "password", "mutual_userid", "mutual_password");
  if (!account.user.empty() && draft_.add_account(account, in.place())) discovery.users.push_back(account.user);
  in.finish({}, kNoSetting);
}

void Reader::target(JsonFields& in) {
  const std::string fabric = in.text("fabric"), wwn = in.text("wwn");
  if (fabric == "iscsi") return iscsi_target(in, wwn);
  if (fabric == "qla2xxx") return fc_target(in, wwn);
  draft_.note(in.place(), fmt::format("target {} of {}", base::escaped(wwn, 230), base::escaped(fabric, 40)),
              "this fabric is not served", "it is left out");
}

void Reader::iscsi_target(JsonFields& in, const std::string& wwn) {
  ImportedTarget made;
  made.place = in.place();
  made.target.name = lower_case(wwn);
  LioTargetReader reader(draft_, units_, made);
  in.each("tpgs", [&](JsonFields& group) { reader.portal_group(group); });
  in.finish({"parameters", "attributes"}, kNoSetting);
  reader.done();
}

void Reader::fc_target(JsonFields& in, const std::string& wwn) {
  FcPort port;
  port.wwpn = wwn.starts_with("naa.") ? wwn.substr(4) : wwn;
  const std::string name = draft_.add_fc_port(port, "fc-" + lower_case(port.wwpn), in.place());
  if (name.empty()) return;
  in.each("tpgs", [&](JsonFields& group) {
    LioAcls acls(draft_, units_, name);
    acls.read(group);
    FcPort* const made = draft_.config.find_fc_port(name);
    if (!acls.open()) made->initiators = acls.initiators();
    made->enabled = group.flag("enable", true);
    group.known({"tag", "portals", "parameters"});
    group.finish({}, kNoSetting);
  });
  in.finish({"parameters", "attributes"}, kNoSetting);
}

}  // namespace

base::Result<void> read_targetcli(std::string_view text, const std::string& origin, Draft& draft) {
  const Json json = TRY(parse_json(text));
  if (!json.is_object() || (!json.contains("storage_objects") && !json.contains("targets"))) {
    return base::fail(base::Errc::kInvalid, "this is no saveconfig.json: it has neither storage_objects nor targets");
  }
  JsonFields root(json, {origin, 0, {}}, draft.findings);
  Reader(draft).run(root);
  return {};
}

}  // namespace ctl
