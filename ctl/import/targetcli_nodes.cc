// Portal groups of saveconfig.json.
#include "ctl/import/targetcli_nodes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "ctl/import/text_keys.h"
#include "hal/port/fc_port.h"

namespace ctl {
namespace {

constexpr const char* kNegotiated = "Outboard negotiates it by itself";

// What LIO has if nobody sets anything; it is not taken over.
constexpr std::pair<const char*, const char*> kLioKeys[] = {{"DataDigest", "CRC32C,None"},
                                                            {"HeaderDigest", "CRC32C,None"},
                                                            {"DefaultTime2Retain", "20"},
                                                            {"DefaultTime2Wait", "2"},
                                                            {"ErrorRecoveryLevel", "0"},
                                                            {"FirstBurstLength", "65536"},
                                                            {"ImmediateData", "Yes"},
                                                            {"InitialR2T", "Yes"},
                                                            {"MaxBurstLength", "262144"},
                                                            {"MaxOutstandingR2T", "1"},
                                                            {"MaxRecvDataSegmentLength", "8192"}};

// `target`: null where they set nothing.
void take_keys(JsonFields& in, Findings& findings, Target* target) {
  for (const auto& [key, usual] : kLioKeys) {
    const std::optional<std::string> value = in.text_if_it_is(key);
    if (!value || *value == usual) continue;
    const KeyTaken taken = target == nullptr ? KeyTaken::kNo : take_text_key(key, *value, *target);
    if (taken == KeyTaken::kYes) continue;
    findings.add(in.place(key), fmt::format("{}={}", key, base::escaped(*value, 40)),
                 taken == KeyTaken::kNearest ? kOutOfRange
                 : target == nullptr         ? kNegotiated
                                             : "that is no value of it",
                 taken == KeyTaken::kNearest ? kNearestTaken : "it is passed over");
  }
}

// `target`: what they set there; those of a node ACL set nothing.
void parameters(JsonFields& in, Findings& findings, Target* target = nullptr) {
  JsonFields keys(in.object("parameters"), in.place("parameters"), findings);
  keys.known({"TargetAlias"});
  if (target != nullptr && !take_connections(keys.number("MaxConnections").value_or(1), *target))
    findings.add(keys.place("MaxConnections"), "MaxConnections", kFewerConnections,
                 "the target has the most there may be");
  take_keys(keys, findings, target);
  keys.finish({"AuthMethod", "DataPDUInOrder=Yes", "DataSequenceInOrder=Yes", "IFMarkInt", "IFMarker=No",
               "MaxConnections=1", "MaxXmitDataSegmentLength=262144", "OFMarkInt", "OFMarker=No", "SessionType"},
              kNegotiated);
}

}  // namespace

Account lio_account(JsonFields& in, const std::string& prefix, const char* user, const char* secret,
                    const char* mutual_user, const char* mutual_secret) {
  const auto text = [&](const char* key) { return in.text((prefix + key).c_str()); };
  return {text(user), text(mutual_user), Secret(text(secret)), Secret(text(mutual_secret))};
}

void LioAcls::account(JsonFields& in) {
  const Account account = lio_account(in, "chap_", "userid", "password", "mutual_userid", "mutual_password");
  if (account.user.empty()) return;
  if (!wanted_chap_) chap_ = true;  // nothing says whether it is asked for
  if (draft_.add_account(account, in.place())) users_.push_back(account.user);
}

void LioAcls::attributes(JsonFields& group) {
  JsonFields in(group.object("attributes"), group.place("attributes"), draft_.findings);
  if (const auto wanted = in.signed_number("authentication")) wanted_chap_ = *wanted == 1;
  chap_ = wanted_chap_.value_or(false);
  open_ = in.flag("generate_node_acls", false);
  demo_read_only_ = in.flag("demo_mode_write_protect", true);
  acl_read_only_ = in.flag("prod_mode_write_protect", false);
  depth_ = in.number("default_cmdsn_depth").value_or(0);
  in.finish(
      {"cache_dynamic_acls", "default_erl=0", "demo_mode_discovery=1", "fabric_prot_type=0", "login_keys_workaround",
       "login_timeout", "netif_timeout", "t10_pi=0", "tpg_enabled_sendtargets=1", "demo_mode_login_only", "jam_host=0"},
      kNoSetting);
}

void LioAcls::luns(JsonFields& group) {
  group.each("luns", [this](JsonFields& in) {
    const std::uint64_t index = in.number("index").value_or(0);
    const std::string object = in.text("storage_object");
    constexpr std::string_view kPrefix = "/backstores/";
    const auto unit = object.starts_with(kPrefix) ? units_.find(object.substr(kPrefix.size())) : units_.end();
    if (unit == units_.end()) {
      draft_.note(in.place(), fmt::format("LUN {} of {}", index, base::escaped(object, 200)),
                  "there is no such logical unit, or it was left out", "nothing is at this LUN");
    } else {
      luns_[index] = unit->second;
    }
    const std::string alua = in.text("alua_tg_pt_gp_name");
    if (!alua.empty() && alua != "default_tg_pt_gp") {
      draft_.note(in.place("alua_tg_pt_gp_name"), "ALUA group " + base::escaped(alua, 100),
                  "groups of target ports cannot be set", "the path is active and optimized");
    }
    in.finish({"alias"}, kNoSetting);
  });
}

LioAcls::Mapping LioAcls::mapping_of(JsonFields& acl) {
  Mapping mapping;
  acl.each("mapped_luns", [&](JsonFields& in) {
    const std::uint64_t lun = in.number("index").value_or(0), of = in.number("tpg_lun").value_or(0);
    const bool read_only = in.flag("write_protect", false) || acl_read_only_;
    in.finish({"alias"}, kNoSetting);
    const auto unit = luns_.find(of);
    if (unit != luns_.end() && lun <= scsi::kMaxLunNumber) {
      mapping[static_cast<std::uint32_t>(lun)] = {unit->second, read_only};
      return;
    }
    draft_.note(in.place(), fmt::format("mapped LUN {}", lun),
                lun > scsi::kMaxLunNumber ? "the number is too large"
                                          : fmt::format("nothing is at LUN {} of the portal group", of),
                "this initiator does not see it");
  });
  return mapping;
}

void LioAcls::acl(JsonFields& in) {
  std::string name = in.text("node_wwn");
  if (name.starts_with("naa.")) {
    if (const auto wwn = hal::fc::parse_wwn(name.substr(4)); wwn && name.size() == 20) name = to_string(*wwn);
  }
  JsonFields attributes(in.object("attributes"), in.place("attributes"), draft_.findings);
  const std::int64_t authentication = attributes.signed_number("authentication").value_or(-1);
  if (authentication == 1) chap_ = true;
  if (authentication == 0 && chap_) {
    draft_.note(in.place("attributes.authentication"), "an initiator that need not authenticate",
                "CHAP is asked of all initiators of a target or of none", "it must authenticate like the others");
  }
  attributes.finish(
      {"dataout_timeout", "dataout_timeout_retries", "default_erl=0", "nopin_response_timeout", "nopin_timeout",
       "random_datain_pdu_offsets=0", "random_datain_seq_offsets=0", "random_r2t_offsets=0"},
      kNoSetting);
  parameters(in, draft_.findings);
  const Mapping mapping = mapping_of(in);
  const std::size_t before = users_.size();
  account(in);
  if (users_.size() > before) {
    draft_.note(in.place("chap_userid"), "an account of one initiator", "accounts belong to targets",
                "every initiator of this target may use it");
  }
  in.known({"tag"});
  in.finish({"tcq_depth"}, kNoSetting);
  if (name.empty()) return;
  if (name.find_first_of("*?") != std::string::npos) {
    return draft_.note(in.place(), "ACL of " + base::escaped(name, 230), "that is no initiator's name",
                       "it is left out");
  }
  initiators_.push_back(lower_case(name));
  hosts_[mapping].push_back(lower_case(name));
}

void LioAcls::views() {
  const std::string_view tail = std::string_view(name_).substr(name_.rfind(':') + 1);
  for (auto& [mapping, names] : hosts_) {
    if (mapping.empty()) continue;
    const std::string group = draft_.host_group(names, fmt::format("{}-hosts", tail));
    for (const auto& [lun, unit] : mapping) draft_.add_view({unit.first, group, name_, lun, unit.second});
  }
  if (!open_) return;
  for (const auto& [lun, unit] : luns_) {
    draft_.add_view(
        {unit, {}, name_, static_cast<std::uint32_t>(std::min<std::uint64_t>(lun, UINT32_MAX)), demo_read_only_});
  }
}

void LioAcls::read(JsonFields& group) {
  attributes(group);
  luns(group);
  account(group);
  group.each("node_acls", [this](JsonFields& each) { acl(each); });
  if (open_ && !hosts_.empty()) {
    draft_.note(group.place("node_acls"), "LUNs of initiators without an ACL",
                "what everybody sees, those with an ACL see, too",
                "they see their mapped LUNs and, beside them, the others");
  }
  views();
  if (open_ || !initiators_.empty()) return;
  draft_.note(group.place("node_acls"), "a target without ACLs", "nobody may log in to it",
              fmt::format("the same here: initiators = [\"{}\"]", kNobody));
  initiators_ = {kNobody};
}

void LioTargetReader::portals(JsonFields& in) {
  in.each("portals", [this](JsonFields& portal) {
    std::string address = portal.text("ip_address");
    const auto port = static_cast<std::uint32_t>(std::min<std::uint64_t>(portal.number("port").value_or(3260), 70000));
    const std::string made = portal_address(address, port);
    if (portal.flag("iser", false) || portal.flag("offload", false)) {
      draft_.note(portal.place(), "portal over iSER or an offload adapter", "this portal is plain TCP here",
                  "it is served over TCP");
    }
    portal.finish({}, kNoSetting);
    if (made.empty()) {
      draft_.note(portal.place(), "portal " + base::escaped(address, 100), "that is no address", "it is left out");
      return;
    }
    made_.portals.push_back(made);
    if (made.starts_with("[::]:")) made_.portals.push_back(fmt::format("0.0.0.0:{}", port));  // it means both
  });
}

void LioTargetReader::portal_group(JsonFields& in) {
  if (!in.flag("enable", true)) {
    draft_.note(in.place(), "a portal group that is not enabled", "iSCSI targets are always enabled", "it is left out");
    return;
  }
  if (any_) {
    draft_.note(in.place(), "a further portal group of the target",
                "its LUNs and ACLs would be its own, and a target has one set of them here",
                "it is left out with its portals");
    return;
  }
  any_ = true;
  made_.wished_group = static_cast<std::uint16_t>(std::min<std::uint64_t>(in.number("tag").value_or(0), 65535));
  portals(in);
  LioAcls acls(draft_, units_, made_.target.name);
  acls.read(in);
  Target& target = made_.target;
  if (!acls.open()) target.initiators = acls.initiators();
  target.access.chap = acls.chap();
  target.access.users = acls.users();
  if (acls.depth() != 0 && acls.depth() != 64)
    target.command_window = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(acls.depth(), 1, 1024));
  JsonFields keys(in.object("parameters"), in.place("parameters"), draft_.findings);
  if (const std::string alias = keys.text("TargetAlias"); alias != "LIO Target" && alias.size() <= 255)
    target.alias = alias;
  parameters(in, draft_.findings, &target);
  in.finish({}, kNoSetting);
}

void LioTargetReader::done() {
  if (!any_ || made_.portals.empty()) {
    draft_.note(made_.place, "target " + base::escaped(made_.target.name, 230), "no portal of it is in use",
                "it is left out");
    return;
  }
  draft_.add_target(std::move(made_));
}

}  // namespace ctl
