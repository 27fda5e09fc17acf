// targets.conf of tgt-admin.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/log.h"
#include "ctl/import/readers.h"
#include "ctl/import/text_keys.h"
#include "ctl/import/words.h"
#include "ctl/units.h"
#include "fabrics/iscsi/address.h"

namespace ctl {
namespace {

// Of logical units, given for one or for all of a target.
constexpr std::array kUnitWords = {"write-cache", "scsi_id",     "scsi_sn",  "vendor_id",   "product_id",
                                   "product_rev", "removable",   "readonly", "block-size",  "lbppbe",
                                   "lun",         "device-type", "bs-type",  "allow-in-use"};
constexpr std::array kNegotiated = {"MaxRecvDataSegmentLength",
                                    "MaxXmitDataSegmentLength",
                                    "HeaderDigest",
                                    "DataDigest",
                                    "InitialR2T",
                                    "MaxOutstandingR2T",
                                    "ImmediateData",
                                    "FirstBurstLength",
                                    "MaxBurstLength",
                                    "DataPDUInOrder",
                                    "DataSequenceInOrder",
                                    "ErrorRecoveryLevel",
                                    "IFMarker",
                                    "OFMarker",
                                    "DefaultTime2Wait",
                                    "DefaultTime2Retain",
                                    "OFMarkInt",
                                    "IFMarkInt"};

constexpr std::array kNameServerWords = {"iSNS", "iSNSServerIP", "iSNSServerPort", "iSNSAccessControl"};

using Settings = std::map<std::string, const Statement*>;

struct Store {  // one backing-store or direct-store
  const Statement* from = nullptr;
  std::string path;
  bool direct = false;
  Settings settings;  // its own over those of the target
};

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}
  void run(const std::vector<Statement>& statements);

 private:
  void global(const Statement& statement);
  void name_server();
  void target(const std::string& name, const std::vector<const Statement*>& blocks, std::uint32_t tid);
  void directive(const Statement& statement);
  void stores(std::uint32_t tid);
  void unit(const Store& store, std::uint32_t tid, std::uint32_t lun);
  void identity_of(LogicalUnit& lu, const Store& store, std::uint32_t tid, std::uint32_t lun, const Place& place);
  void access();
  Place place_of(const Statement& statement, const std::string& path) const {
    return {statement.file, statement.line, path};
  }
  void lost(const Statement& statement, const char* why, const char* instead) {
    draft_.note(place_of(statement, target_.target.name.empty() ? "" : "target " + target_.target.name),
                base::escaped(statement.word(0), 60), why, instead);
  }
  Account account_of(const Statement& statement, const Statement* outgoing) const;

  Draft& draft_;
  Settings isns_;
  // The target at hand.
  ImportedTarget target_;
  Settings common_;
  std::vector<Store> stores_;
  std::vector<const Statement*> incoming_, addresses_;
  const Statement* outgoing_ = nullptr;
};

Account Reader::account_of(const Statement& statement, const Statement* outgoing) const {
  Account account{statement.word(1), {}, Secret(statement.word(2)), {}};
  if (outgoing != nullptr) {
    account.mutual_user = outgoing->word(1);
    account.mutual_secret = Secret(outgoing->word(2));
  }
  return account;
}

void Reader::run(const std::vector<Statement>& statements) {
  std::map<std::string, std::vector<const Statement*>> targets;  // in the order of tgt-admin: by name
  const Statement* discovery_out = nullptr;
  for (const Statement& statement : statements) {
    if (statement.block && statement.word(0) == "target") targets[statement.word(1)].push_back(&statement);
    if (statement.word(0) == "outgoingdiscoveryuser") discovery_out = &statement;
  }
  for (const Statement& statement : statements) {
    if (statement.block && statement.word(0) == "target") continue;
    if (statement.word(0) == "incomingdiscoveryuser") {
      Access& discovery = draft_.config.discovery;
      discovery.chap = true;
      if (draft_.add_account(account_of(statement, discovery_out), place_of(statement, {})))
        discovery.users.push_back(statement.word(1));
    } else if (&statement != discovery_out) {
      global(statement);
    }
  }
  name_server();
  std::uint32_t tid = 0;
  for (const auto& [name, blocks] : targets) {
    ++tid;
    for (const Statement* const block : blocks) {
      for (const Statement& inner : block->inner) {
        if (inner.word(0) == "controller_tid") tid = number_of<std::uint32_t>(inner.word(1)).value_or(tid) & 0xffff;
      }
    }
    target(name, blocks, tid);
  }
}

void Reader::global(const Statement& statement) {
  constexpr std::array kHarmless = {"ignore-errors", "control-port"};
  const std::string& word = statement.word(0);
  if (among(word, kHarmless) || (word == "default-driver" && statement.word(1) == "iscsi")) return;
  if (word == "default-driver")
    return lost(statement, "only TCP portals are made", "targets are served over iSCSI/TCP");
  if (among(word, kNameServerWords)) {
    isns_[word] = &statement;  // the last one counts
    return;
  }
  lost(statement, kNoSetting, "it is passed over");
}

// tgt asks the server only when it is both switched on and named.
void Reader::name_server() {
  const auto word_of = [this](const char* key) {
    const auto found = isns_.find(key);
    return found == isns_.end() ? std::string() : lower_case(found->second->word(1));
  };
  const auto on = isns_.find("iSNS");
  if (on == isns_.end() || word_of("iSNS") != "on") return;
  const std::uint32_t port =
      isns_.contains("iSNSServerPort") ? number_of<std::uint32_t>(word_of("iSNSServerPort")).value_or(0) : kIsnsPort;
  const std::string address = portal_address(word_of("iSNSServerIP"), port);
  if (address.empty()) return lost(*on->second, "it has no server's address and port", "targets are not registered");
  iscsi::IsnsServer server{address};
  server.access_control = word_of("iSNSAccessControl") == "on";
  draft_.config.isns.push_back(std::move(server));
}

void Reader::directive(const Statement& statement) {
  const std::string& word = statement.word(0);
  if (word == "backing-store" || word == "direct-store") {
    Store store{&statement, statement.rest(1), word == "direct-store", {}};
    for (const Statement& inner : statement.inner) {
      store.settings[inner.word(0)] = &inner;
      if (!among(inner.word(0), kUnitWords)) lost(inner, kNoSetting, "it is passed over");
    }
    stores_.push_back(std::move(store));
  } else if (among(word, kUnitWords)) {
    common_[word] = &statement;
  } else if (word == "incominguser") {
    incoming_.push_back(&statement);
  } else if (word == "outgoinguser") {
    if (outgoing_ != nullptr) return lost(statement, "a target has one", "the first counts");
    outgoing_ = &statement;
  } else if (word == "initiator-name") {
    if (statement.word(1).empty() || statement.word(1).find_first_of("*?") != std::string::npos)
      return lost(statement, "that is no initiator's name", "it is passed over");
    target_.target.initiators.push_back(lower_case(statement.word(1)));
  } else if (word == "initiator-address") {
    addresses_.push_back(&statement);
  } else if (word == "driver") {
    if (statement.word(1) != "iscsi") lost(statement, "only TCP portals are made", "it is served over iSCSI/TCP");
  } else if (word == "MaxConnections") {
    if (!take_connections(number_of<std::uint64_t>(statement.word(1)).value_or(1), target_.target))
      lost(statement, kFewerConnections, "the target has the most there may be");
  } else if (const KeyTaken taken = take_text_key(word, statement.word(1), target_.target); taken != KeyTaken::kNo) {
    if (taken == KeyTaken::kNearest) lost(statement, kOutOfRange, kNearestTaken);
  } else if (among(word, kNegotiated)) {
    lost(statement, "Outboard negotiates it by itself", "it is passed over");
  } else if (word != "controller_tid") {
    lost(statement, kNoSetting, "it is passed over");
  }
}

void Reader::target(const std::string& name, const std::vector<const Statement*>& blocks, std::uint32_t tid) {
  target_ = {};
  common_.clear();
  stores_.clear();
  incoming_.clear();
  addresses_.clear();
  outgoing_ = nullptr;
  target_.target.name = lower_case(name);
  target_.portals = {"0.0.0.0:3260"};  // tgtd's default; the file does not say
  target_.place = place_of(*blocks.front(), "target " + name);
  for (const Statement* const block : blocks) {
    for (const Statement& inner : block->inner) directive(inner);
  }
  stores(tid);
  access();
  draft_.add_target(std::move(target_));
}

// LUNs as tgt-admin gives them: backing stores by path, then direct stores, each at the lowest free number from 1 on.
void Reader::stores(std::uint32_t tid) {
  std::stable_sort(stores_.begin(), stores_.end(), [](const Store& a, const Store& b) {
    return std::tie(a.direct, a.path) < std::tie(b.direct, b.path);
  });
  std::set<std::uint32_t> taken;
  const auto wished = [&](const Store& store) -> std::uint32_t {
    const auto own = store.settings.find("lun");
    return own == store.settings.end() ? UINT32_MAX
                                       : number_of<std::uint32_t>(own->second->word(1)).value_or(UINT32_MAX);
  };
  for (const Store& store : stores_) taken.insert(wished(store));
  std::uint32_t next = 1;
  for (Store& store : stores_) {
    std::uint32_t lun = wished(store);
    if (lun == UINT32_MAX) {
      while (taken.contains(next)) ++next;
      lun = next++;
    }
    Settings all = common_;
    all.erase("lun");
    for (const auto& [key, statement] : store.settings) all[key] = statement;
    store.settings = std::move(all);
    unit(store, tid, lun);
  }
}

void Reader::unit(const Store& store, std::uint32_t tid, std::uint32_t lun) {
  const Place place = place_of(*store.from, "target " + target_.target.name);
  const auto value = [&](const char* key) {
    const auto found = store.settings.find(key);
    return found == store.settings.end() ? std::string() : found->second->rest(1);
  };
  const std::string type = value("device-type"), backing = value("bs-type");
  if (!type.empty() && type != "disk") {
    return draft_.note(place, "device-type " + base::escaped(type, 40), "only disks are served", "it is left out");
  }
  LogicalUnit lu;
  lu.store.block_size = number_of<std::uint32_t>(value("block-size")).value_or(512);
  lu.unit.write_cache = value("write-cache") != "off";
  lu.unit.removable = value("removable") == "1";
  lu.unit.write_protected = value("readonly") == "1";
  const std::uint32_t exponent = number_of<std::uint32_t>(value("lbppbe")).value_or(0);
  if (exponent != 0 && exponent <= 7) lu.unit.physical_block_size = lu.store.block_size << exponent;
  if (backing == "null") {
    return draft_.note(place, "bs-type null", "nothing says how large it is", "it is left out");
  }
  if (!backing.empty() && backing != "rdwr" && backing != "aio" && backing != "sg") {
    return draft_.note(place, "bs-type " + base::escaped(backing, 40), "there is no such backstore", "it is left out");
  }
  if (store.direct || backing == "sg") {
    draft_.note(place, "direct-store or bs-type sg", "a device's own identity and commands are not passed on",
                "it is served as a block device");
  }
  const auto& all = draft_.config.logical_units;
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const LogicalUnit& each) { return each.store.path == store.path; });
  if (known != all.end()) {
    draft_.note(place, base::escaped(store.path, 200), "a medium is one logical unit, and an earlier target has it",
                "both targets show the same one, with one identity and one set of reservations");
    return draft_.add_view({known->unit.name, {}, target_.target.name, lun, false});
  }
  if (!draft_.on_medium(lu, store.path, 0, place)) return;
  identity_of(lu, store, tid, lun, place);
  draft_.identity(lu, place);
  const std::string name =
      draft_.add_lu(std::move(lu), std::string_view(store.path).substr(store.path.rfind('/') + 1), place);
  draft_.add_view({name, {}, target_.target.name, lun, false});
}

// tgtd's identifiers: "IET     " with target and LUN, read as hexadecimal digits for the NAA one.
void Reader::identity_of(LogicalUnit& lu, const Store& store, std::uint32_t tid, std::uint32_t lun,
                         const Place& place) {
  const auto value = [&](const char* key, const std::string& otherwise) {
    const auto found = store.settings.find(key);
    return found == store.settings.end() ? otherwise : found->second->rest(1);
  };
  lu.unit.vendor = value("vendor_id", "IET");
  lu.unit.product = value("product_id", "VIRTUAL-DISK");
  lu.unit.revision = value("product_rev", "0001");
  lu.unit.serial = value("scsi_sn", fmt::format("beaf{}{}", tid, lun));
  std::uint64_t high = 0, low = 0;
  for (const char c : value("scsi_id", fmt::format("IET     {:04x}{:04x}", tid, lun))) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : 0;
    high = high << 4 | low >> 60;
    low = low << 4 | static_cast<std::uint64_t>(digit);
  }
  lu.unit.naa_high = (high & ~(0xfull << 60)) | 6ull << 60;
  lu.unit.naa_low = low;
  const std::string naa = format_naa(lu.unit);
  const auto same = [&](const LogicalUnit& other) { return format_naa(other.unit) == naa; };
  const auto& all = draft_.config.logical_units;
  if (std::none_of(all.begin(), all.end(), same)) return;
  draft_.note(place, "scsi_id", "another logical unit has the same", "a new NAA identifier is drawn");
  lu.unit.naa_high = lu.unit.naa_low = 0;
}

void Reader::access() {
  Target& target = target_.target;
  target.access.chap = !incoming_.empty();
  for (const Statement* const statement : incoming_) {
    if (draft_.add_account(account_of(*statement, outgoing_), place_of(*statement, target_.place.path)))
      target.access.users.push_back(statement->word(1));
  }
  if (outgoing_ != nullptr && incoming_.empty()) {
    lost(*outgoing_, "the target proves itself only to initiators that do so, too", "it is passed over");
  }
  const bool everybody =
      std::any_of(addresses_.begin(), addresses_.end(), [](const Statement* each) { return each->word(1) == "ALL"; });
  if (addresses_.empty() || everybody) {
    if (!target.initiators.empty()) {
      draft_.note(target_.place, "initiator-name", "tgtd lets everybody in as long as no address is named",
                  "only the initiators that are named may log in");
    }
    return;
  }
  // tgtd lets in whom the addresses or the names allow; Outboard, whom both do.
  const bool named = !target.initiators.empty();
  for (const Statement* const statement : addresses_) {
    if (named) {
      lost(*statement, "where names are given, too, both must allow an initiator",
           "only the initiators that are named may log in, from everywhere");
    } else if (iscsi::Subnet::parse(statement->word(1))) {
      target.initiator_addresses.push_back(statement->word(1));
    } else {
      lost(*statement, "that is no address or subnet", "nobody may log in from there");
    }
  }
  if (!named && target.initiator_addresses.empty()) target.initiators = {kNobody};
}

}  // namespace

base::Result<void> read_tgt_admin(std::string_view text, const std::string& origin, Draft& draft) {
  const std::vector<Statement> statements = TRY(parse_tgt_conf(text, origin, draft.machine()));
  Reader(draft).run(statements);
  return {};
}

}  // namespace ctl
