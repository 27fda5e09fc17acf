// The table of methods.
#include "ctl/rpc/methods.h"

#include <algorithm>
#include <array>

#include "fabrics/iscsi/target_keys.h"
#include "scsi_core/types.h"

namespace ctl {
namespace {

using enum ParamType;
constexpr auto kPositional = Param::kPositional;
constexpr auto kRequired = Param::kRequired;
constexpr auto kOptional = Param::kOptional;

constexpr Param kLuName{"name", kText, kPositional, "the logical unit's name"};
constexpr Param kTargetName{"name", kText, kPositional, "iSCSI name, e.g. iqn.2026-01.org.example:disks"};
constexpr Param kGroupName{"name", kText, kPositional, "the group's name"};
constexpr const char* kDigestUses = "any|required|none";
using Keys = iscsi::TargetKeys;
constexpr Param kUserName{"name", kText, kPositional, "the CHAP user"};
constexpr Param kShrink{"shrink", kFlag, kOptional, "allow a smaller size: the data behind the new end is lost"};
constexpr Param kReadOnly{"read_only", kFlag, kOptional, "this view answers writes with WRITE PROTECTED"};
constexpr Param kPatterns{"initiators", kList, kOptional, "initiator names or WWPNs, with * and ?"};
constexpr Param kAuthentication{"authentication", kChoice, kOptional,
                                "chap: users must prove a secret; radius: to a RADIUS server", "none|chap|radius"};
constexpr Param kUsers{"users", kList, kOptional, "CHAP users that may log in"};
constexpr Param kAlgorithms{"algorithms", kList, kOptional, "of sha3-256, sha256, sha1, md5, best first"};
constexpr Param kAlias{"alias", kText, kOptional, "text for people"};
constexpr Param kPortalGroups{"portal_groups", kList, kOptional, "numbers of the portal groups that serve it"};
constexpr Param kLogins{"initiators", kList, kOptional, "who may log in, with * and ?; empty: everybody"};
constexpr Param kWindow{"command_window", kInteger, kOptional, "commands in flight per session", nullptr, 1, 1024};
constexpr Param kConnections{"max_connections", kInteger, kOptional, "TCP connections of one session", nullptr, 1, 8};
constexpr Param kTellChanges{"report_changes", kFlag, kOptional,
                             "tell initiators when views change (Async Message), default"};
constexpr Param kRecovery{"error_recovery_level",
                          kInteger,
                          kOptional,
                          "the highest that logins may agree to (ErrorRecoveryLevel)",
                          nullptr,
                          0,
                          2};
constexpr Param kAddresses{"initiator_addresses", kList, kOptional,
                           "from where, e.g. 192.0.2.0/24,2001:db8::1; empty: from everywhere"};
constexpr Param kSessions{"max_sessions", kInteger, kOptional, "at a time; 0: no limit of its own", nullptr, 0, 65'535};
constexpr Param kLoginRate{
    "max_logins_per_second", kInteger, kOptional, "0: no limit of its own", nullptr, 0, 1'000'000};
constexpr Param kCommands{"max_commands", kInteger, kOptional, "in flight, of all sessions together; 0: no such limit",
                          nullptr,        0,        1'000'000};
constexpr Param kRedirect{"redirect", kText, kOptional, "host:port where logins are sent instead; empty: nowhere"};
constexpr Param kPermanent{"redirect_permanent", kFlag, kOptional, "the initiator is to remember where it was sent"};
constexpr Param kPortName{"name", kText, kPositional, "the port's name, which views call the target"};
constexpr Param kWwpn{"wwpn", kText, kOptional, "port name instead of the adapter's own"};
constexpr Param kWwnn{"wwnn", kText, kOptional, "node name instead of the adapter's own"};
constexpr Param kLoop{"loop", kFlag, kOptional, "a private loop, if there is one; default: a fabric or another N_Port"};
constexpr Param kConfirm{"confirmed_completion", kFlag, kOptional,
                         "ask initiators to confirm CHECK CONDITION (FCP_CONF)"};
constexpr Param kDualRole{"dual_role", kFlag, kOptional, "offer the initiator function, too; default: target only"};
constexpr Param kReportChanges{"report_changes", kFlag, kOptional, "tell the fabric when views change (RSCN), default"};
constexpr Param kQueues{"queues", kInteger, kOptional, "queue pairs, each on a data reactor; 0: as many as both have",
                        nullptr,  0,        255};
constexpr Param kFcLogins{"initiators", kList, kOptional, "WWPNs that may log in, with * and ?; empty: everybody"};
constexpr Param kViewHosts{"host_group", kText, kOptional, "only these hosts; default: every host"};
constexpr Param kViewTargets{"target_group", kText, kOptional,
                             "only this target group or target; default: every target"};

constexpr std::array kUpgrade = {
    Param{"wait", kDuration, kOptional, "for commands in flight to end, at most 60s; default 1.5s"},
    Param{"force", kFlag, kOptional, "drop sessions whose commands do not end in time; default: no upgrade then"}};
constexpr std::array kApply = {
    Param{"text", kFile, kPositional, "the configuration, TOML"},
    Param{"origin", kText, kOptional, "what errors call the text"},
    Param{"secrets", kSecret, kOptional, "secrets of users: TOML of [USER] tables with secret and mutual_secret"},
    Param{"dry_run", kFlag, kOptional, "show what would change, and change nothing"}, kShrink};
constexpr std::array kLuCreate = {
    kLuName,
    Param{"backstore", kChoice, kRequired, "what holds the data", "ram|file|block|null"},
    Param{"size", kSize, kOptional, "capacity, e.g. 10GiB; not for block"},
    Param{"path", kText, kOptional, "of the file (made if it is not there) or block device; absolute"},
    Param{"block_size", kInteger, kOptional, "logical block in bytes: 512 or 4096", nullptr, 512, 4096},
    Param{"physical_block_size", kInteger, kOptional, "what READ CAPACITY(16) tells; default: the medium's", nullptr,
          512, 65536},
    Param{"thin", kFlag, kOptional, "allocate as data is written (default)"},
    Param{"memory_limit", kSize, kOptional, "ram: bytes that may be in use at a time"},
    Param{"protection_type", kInteger, kOptional, "T10 protection information of this type is kept; default: none",
          nullptr, 1, 3},
    Param{"protection_path", kText, kOptional, "file for it; default: beside the file of the data; block needs it"},
    Param{"vendor", kText, kOptional, "T10 vendor identification"},
    Param{"product", kText, kOptional, "product identification"},
    Param{"revision", kText, kOptional, "product revision"},
    Param{"serial", kText, kOptional, "unit serial number; default: random, and kept"},
    Param{"naa", kText, kOptional, "NAA identifier, 32 hexadecimal digits; default: random, and kept"},
    Param{"removable", kFlag, kOptional, "the medium can be ejected"},
    Param{"write_protected", kFlag, kOptional, "refuse writes"},
    Param{"write_cache", kFlag, kOptional, "WCE at power on (default)"}};
constexpr std::array kNameOfLu = {kLuName};
constexpr std::array kLuResize = {kLuName, Param{"size", kSize, kPositional, "new capacity, e.g. 20GiB"}, kShrink};
constexpr std::array kLuModify = {kLuName, Param{"write_protected", kFlag, kOptional, "refuse writes"}};
constexpr std::array kTarget = {
    kTargetName, kAlias, kPortalGroups, kLogins, kAuthentication, kUsers, kAlgorithms, kWindow, kConnections,
    kAddresses, kSessions, kRedirect, kPermanent, kTellChanges, kRecovery, kLoginRate, kCommands,
    // What logins negotiate: the keys of RFC 7143 section 13 of the same names, and the ranges of iscsi::TargetKeys.
    Param{"header_digest", kChoice, kOptional, "CRC32C as the initiator prefers, always or never", kDigestUses},
    Param{"data_digest", kChoice, kOptional, "likewise", kDigestUses},
    Param{"initial_r2t", kFlag, kOptional, "no write data comes unasked, but with its command"},
    Param{"immediate_data", kFlag, kOptional, "write data may come with its command (default)"},
    Param{"max_recv_data_segment_length", kInteger, kOptional, "bytes of data that one PDU may bring", nullptr,
          Keys::kLeastLength, Keys::kMostData},
    Param{"max_burst_length", kInteger, kOptional, "bytes of data in one sequence", nullptr, Keys::kLeastLength,
          Keys::kMostBurst},
    Param{"first_burst_length", kInteger, kOptional, "bytes of write data that may come unasked", nullptr,
          Keys::kLeastLength, Keys::kMostFirstBurst},
    Param{"max_outstanding_r2t", kInteger, kOptional, "R2Ts of one command at a time", nullptr, 1, Keys::kMostR2t},
    Param{"default_time2wait", kInteger, kOptional, "seconds before a lost session may come back", nullptr, 0,
          Keys::kMostTime},
    Param{"default_time2retain", kInteger, kOptional, "seconds, after that, that its commands are kept (level 2)",
          nullptr, 0, Keys::kMostTime}};
constexpr std::array kNameOfTarget = {kTargetName};
constexpr std::array kPortalAdd = {
    Param{"address", kText, kPositional, "192.0.2.1:3260 or [2001:db8::1]:3260"},
    Param{"group", kInteger, kOptional, "portal group, default 1", nullptr, 0, 65535},
    Param{"max_connections", kInteger, kOptional, "0: no limit of its own", nullptr, 0, 1'000'000},
    kSessions,
    kLoginRate,
    kRedirect,
    kPermanent};
constexpr std::array kPortalRemove = {Param{"address", kText, kPositional, "as it was added"}};
constexpr std::array kPortAdd = {kPortName,
                                 Param{"device", kText, kOptional, "PCI address, or unix:/PATH of a model's socket"},
                                 Param{"parent", kText, kOptional, "instead: the port on whose link it is (NPIV)"},
                                 kWwpn,
                                 kWwnn,
                                 kLoop,
                                 kConfirm,
                                 kDualRole,
                                 kReportChanges,
                                 kQueues,
                                 kFcLogins};
constexpr std::array kPortModify = {kPortName, Param{"device", kText, kOptional, "PCI address, or unix:/PATH"},
                                    kWwpn,     kWwnn,
                                    kLoop,     kConfirm,
                                    kDualRole, kReportChanges,
                                    kQueues,   kFcLogins};
constexpr std::array kNameOfPort = {kPortName};
constexpr std::array kDeviceAddress = {Param{"address", kText, kPositional, "PCI address, e.g. 0000:3b:00.0"}};
constexpr std::array kHostGroup = {kGroupName, kPatterns};
constexpr std::array kTargetGroup = {kGroupName, Param{"targets", kList, kOptional, "target names"}};
constexpr std::array kNameOfGroup = {kGroupName};
constexpr std::array kViewAdd = {
    Param{"lu", kText, kPositional, "the logical unit"},
    Param{"lun", kInteger, kOptional, "default: the lowest that is free", nullptr, 0, scsi::kMaxLunNumber}, kViewHosts,
    kViewTargets, kReadOnly};
constexpr std::array kViewRemove = {
    Param{"lu", kText, kPositional, "the logical unit"},
    Param{"lun", kInteger, kOptional, "only the view at this LUN", nullptr, 0, scsi::kMaxLunNumber}, kViewHosts,
    kViewTargets};
constexpr std::array kUserAdd = {
    kUserName, Param{"secret", kSecret, kRequired, "what the initiator proves, 12 to 255 characters"},
    Param{"mutual_user", kText, kOptional, "mutual CHAP: the name that the target gives"},
    Param{"mutual_secret", kSecret, kOptional, "what the target proves", nullptr, 0, 0, "mutual_user"}};
constexpr std::array kUserModify = {
    kUserName, Param{"secret", kSecret, kOptional, "what the initiator proves, 12 to 255 characters"},
    Param{"mutual_user", kText, kOptional, "mutual CHAP: the name that the target gives; empty: one-way"},
    Param{"mutual_secret", kSecret, kOptional, "what the target proves", nullptr, 0, 0, "mutual_user"}};
constexpr std::array kNameOfUser = {kUserName};
constexpr std::array kDiscovery = {
    kAuthentication, kUsers, kAlgorithms,
    Param{"list_forbidden", kFlag, kOptional, "list targets that the initiator may not log in to, too"},
    Param{"list_other_portal_groups", kFlag, kOptional,
          "list all of a target's portals (default), not only our group's"}};
constexpr std::array kLimits = {
    Param{"max_connections", kInteger, kOptional, "TCP connections of the whole process", nullptr, 1, 1'000'000},
    Param{"max_logins", kInteger, kOptional, "connections still in login", nullptr, 1, 1'000'000},
    Param{"max_logins_per_peer", kInteger, kOptional, "connections of one address still in login", nullptr, 1, 65'535},
    Param{"login_timeout", kDuration, kOptional, "until a login must be complete"},
    Param{"nop_interval", kDuration, kOptional, "idle time before a NOP-In ping; 0s: never"},
    Param{"nop_timeout", kDuration, kOptional, "until the ping must be answered"}};
constexpr std::array kMetrics = {
    Param{"listen", kText, kOptional, "address:port of the page for Prometheus, e.g. 127.0.0.1:9480; empty: none"},
    Param{"sessions", kFlag, kOptional, "series for each session, too (default)"}};
constexpr std::array kSessionLogout = {
    Param{"id", kInteger, kPositional, "from `session list`"},
    Param{"grace", kDuration, kOptional, "time for the initiator to log out by itself, default 10s"},
    Param{"force", kFlag, kOptional, "end it at once, without waiting for the initiator"}};
constexpr std::array kSessionNegotiate = {
    Param{"id", kInteger, kPositional, "from `session list`"},
    Param{"within", kDuration, kOptional, "what it is told it has time for, default 10s"}};
constexpr std::array kSessionShow = {Param{"id", kInteger, kPositional, "from `session list`"}};
constexpr std::array kStats = {Param{"of", kList, kOptional, "of what: port, session, lu; default: all of them"},
                               Param{"latency", kFlag, kOptional, "also how often each latency was measured"}};
constexpr std::array kEventList = {
    Param{"after", kInteger, kOptional, "only events with a higher number"},
    Param{"wait", kDuration, kOptional, "when there are none: time to wait for the first, at most 60s; default 0s"}};
constexpr std::array kOneLu = {Param{"lu", kText, kOptional, "only this logical unit"}};
constexpr std::array kOnePort = {
    Param{"port", kText, kOptional, "what the adapter of this Fibre Channel port says of itself"}};
constexpr std::array kInject = {
    Param{"kind", kChoice, kPositional, "what to do to commands", "delay|medium-error|abort|unit-attention"},
    Param{"lu", kText, kPositional, "the logical unit"},
    Param{"first_lba", kInteger, kOptional, "first logical block, default 0"},
    Param{"last_lba", kInteger, kOptional, "last logical block, default the last"},
    Param{"any_command", kFlag, kOptional, "also commands that access no medium"},
    Param{"opcode", kInteger, kOptional, "only this operation code", nullptr, 0, 255},
    Param{"count", kInteger, kOptional, "how many times; default: until removed", nullptr, 0, UINT32_MAX},
    Param{"delay", kDuration, kOptional, "for delay: how long"},
    Param{"sense", kText, kOptional, "for unit-attention: ASC/ASCQ in hexadecimal, default 29/00"}};
constexpr std::array kInjectRemove = {
    Param{"id", kInteger, kPositional, "from `debug inject-list`", nullptr, 0, UINT32_MAX}};
constexpr std::array kCaptureStart = {
    Param{"port", kText, kOptional, "the portal's address; default: all portals"},
    Param{"initiator", kText, kOptional, "only connections from this IP address"},
    Param{"session", kInteger, kOptional, "only this session's connections, as they are now; from `session list`"},
    Param{"snap", kInteger, kOptional, "bytes of each PDU to keep, at least its header; default: all", nullptr, 48,
          UINT32_MAX},
    Param{"buffer", kSize, kOptional, "memory for each data reactor, default 16MiB"}};
constexpr std::array kCaptureNumber = {Param{"id", kInteger, kPositional, "from `debug capture-start`"}};

constexpr std::array kMethods = {
    Method{"status", "the daemon, its portals, ports and counters", false, {}, &Control::status},
    Method{"upgrade", "hand sessions, RAM disks and files to a newly started outboardd; initiators do not notice", true,
           kUpgrade, &Control::upgrade},
    Method{"progress", "the change that is being carried out, and how far it is", false, {}, &Control::progress},
    Method{"apply", "make the configuration what a file says: all or nothing", true, kApply, &Control::apply},
    Method{"export", "the configuration as TOML, without secrets", false, {}, &Control::export_config},
    Method{"describe", "the methods of the management interface", false, {}, &Control::describe},
    Method{"lu.create", "create a logical unit", true, kLuCreate, &Control::lu_create},
    Method{"lu.delete", "delete a logical unit and its views", true, kNameOfLu, &Control::lu_delete},
    Method{"lu.list", "all logical units", false, {}, &Control::lu_list},
    Method{"lu.show", "one logical unit in full", false, kNameOfLu, &Control::lu_show},
    Method{"lu.resize", "change a logical unit's capacity while it is in use", true, kLuResize, &Control::lu_resize},
    Method{"lu.modify", "change a logical unit while it is in use", true, kLuModify, &Control::lu_modify},
    Method{"target.create", "create an iSCSI target", true, kTarget, &Control::target_create},
    Method{"target.delete", "delete a target; its sessions end", true, kNameOfTarget, &Control::target_delete},
    Method{"target.list", "all targets", false, {}, &Control::target_list},
    Method{"target.modify", "change a target; what is not given stays", true, kTarget, &Control::target_modify},
    Method{"portal.add", "listen on an address", true, kPortalAdd, &Control::portal_add},
    Method{"portal.remove", "stop listening on an address", true, kPortalRemove, &Control::portal_remove},
    Method{"portal.list", "all portals, with the addresses really opened", false, {}, &Control::portal_list},
    Method{"device.list", "PCI functions that can be Fibre Channel ports", false, {}, &Control::device_list},
    Method{"device.bind", "take a PCI function from its kernel driver", true, kDeviceAddress, &Control::device_bind},
    Method{"device.unbind", "give a PCI function back to its kernel driver", true, kDeviceAddress,
           &Control::device_unbind},
    Method{"port.add", "serve through a Fibre Channel adapter", true, kPortAdd, &Control::port_add},
    Method{"port.modify", "change a Fibre Channel port; what is not given stays", true, kPortModify,
           &Control::port_modify},
    Method{"port.remove", "remove a Fibre Channel port; its logins end", true, kNameOfPort, &Control::port_remove},
    Method{"port.list", "all Fibre Channel ports: state, speed, logins", false, {}, &Control::port_list},
    Method{"port.show", "one Fibre Channel port in full", false, kNameOfPort, &Control::port_show},
    Method{"port.online", "bring a Fibre Channel port onto the link", true, kNameOfPort, &Control::port_online},
    Method{"port.offline", "take a port off the link and let go of its adapter", true, kNameOfPort,
           &Control::port_offline},
    Method{"host_group.create", "name a group of hosts", true, kHostGroup, &Control::host_group_create},
    Method{"host_group.delete", "delete a host group", true, kNameOfGroup, &Control::host_group_delete},
    Method{"host_group.list", "all host groups", false, {}, &Control::host_group_list},
    Method{"host_group.modify", "replace a host group's members", true, kHostGroup, &Control::host_group_modify},
    Method{"target_group.create", "name a group of targets", true, kTargetGroup, &Control::target_group_create},
    Method{"target_group.delete", "delete a target group", true, kNameOfGroup, &Control::target_group_delete},
    Method{"target_group.list", "all target groups", false, {}, &Control::target_group_list},
    Method{"target_group.modify", "replace a target group's members", true, kTargetGroup,
           &Control::target_group_modify},
    Method{"view.add", "let hosts see a logical unit at a LUN", true, kViewAdd, &Control::view_add},
    Method{"view.remove", "take a logical unit away from hosts", true, kViewRemove, &Control::view_remove},
    Method{"view.list", "who sees what, and where", false, {}, &Control::view_list},
    Method{"user.add", "add a CHAP user", true, kUserAdd, &Control::user_add},
    Method{"user.modify", "change a CHAP user's secrets", true, kUserModify, &Control::user_modify},
    Method{"user.remove", "remove a CHAP user", true, kNameOfUser, &Control::user_remove},
    Method{"user.list", "all CHAP users, without secrets", false, {}, &Control::user_list},
    Method{"discovery.show", "who may discover targets", false, {}, &Control::discovery_show},
    Method{"discovery.modify", "change who may discover targets", true, kDiscovery, &Control::discovery_modify},
    Method{"limits.show", "limits of the iSCSI fabric", false, {}, &Control::limits_show},
    Method{"limits.modify", "change limits of the iSCSI fabric", true, kLimits, &Control::limits_modify},
    Method{"isns.list",
           "iSNS servers: what is registered there, what failed, who may log in",
           false,
           {},
           &Control::isns_list},
    Method{"metrics.show", "where Prometheus finds its page", false, {}, &Control::metrics_show},
    Method{"metrics.modify", "open, move or close the page for Prometheus", true, kMetrics, &Control::metrics_modify},
    Method{"session.list", "sessions of all fabrics", false, {}, &Control::session_list},
    Method{"session.show", "one session in full: addresses, authentication, negotiated keys", false, kSessionShow,
           &Control::session_show},
    Method{"session.logout", "ask an initiator to log out, then end its session", true, kSessionLogout,
           &Control::session_logout},
    Method{"session.negotiate", "ask an initiator to negotiate anew, after settings of its target changed", true,
           kSessionNegotiate, &Control::session_negotiate},
    Method{"stats", "what ports, sessions and logical units have done since the start", false, kStats, &Control::stats},
    Method{"event.list", "what lately happened, numbered; can wait for what comes (see `tgtctl events`)", false,
           kEventList, &Control::event_list},
    Method{"command.list", "commands in flight: age, state, what happened to them", false, kOneLu,
           &Control::command_list},
    Method{"debug.events", "what lately happened on the ports", false, kOnePort, &Control::debug_events},
    Method{"debug.registers", "an adapter's registers", false, kNameOfPort, &Control::debug_registers},
    Method{"debug.rings", "an adapter's rings", false, kNameOfPort, &Control::debug_rings},
    Method{"debug.inject", "make commands late or fail, for tests", true, kInject, &Control::debug_inject},
    Method{"debug.inject_list", "injection rules in force", false, {}, &Control::debug_inject_list},
    Method{"debug.inject_remove", "remove an injection rule", true, kInjectRemove, &Control::debug_inject_remove},
    Method{"debug.capture_start", "begin to capture what portals send and receive; see `capture`", true, kCaptureStart,
           &Control::debug_capture_start},
    Method{"debug.capture_read", "the next piece of a capture: pcapng in base64", false, kCaptureNumber,
           &Control::debug_capture_read},
    Method{"debug.capture_stop", "end a capture; what is left of it can be read", true, kCaptureNumber,
           &Control::debug_capture_stop},
};

}  // namespace

std::span<const Method> methods() { return kMethods; }

const Method* find_method(std::string_view name) {
  const auto found = std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& m) { return name == m.name; });
  return found == kMethods.end() ? nullptr : &*found;
}

}  // namespace ctl
