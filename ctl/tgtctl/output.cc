// Tables of listings, lines of changes, fields of single things.
#include "ctl/tgtctl/output.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <span>

#include "ctl/tgtctl/events.h"
#include "ctl/tgtctl/table.h"
#include "ctl/units.h"

namespace ctl {
namespace {

enum class Cell : std::uint8_t { kPlain, kSize, kBytes, kMilliseconds, kNanoseconds };
struct Column {
  const char* heading;
  const char* key;
  Cell cell = Cell::kPlain;
  const char* empty = "-";
};
struct Listing {
  const char* method;
  const char* none;  // what an empty list means
  std::span<const Column> columns;
};

constexpr std::array kLus = {
    Column{"NAME", "name"},        Column{"STATE", "state"},         Column{"SIZE", "size", Cell::kSize},
    Column{"BLOCK", "block_size"}, Column{"BACKSTORE", "backstore"}, Column{"PATH", "path"},
    Column{"READS", "reads"},      Column{"WRITES", "writes"},       Column{"IN FLIGHT", "in_flight"}};
constexpr std::array kTargets = {Column{"NAME", "name"}, Column{"PORTAL GROUPS", "portal_groups"},
                                 Column{"AUTHENTICATION", "authentication"}, Column{"USERS", "users"},
                                 Column{"INITIATORS", "initiators", Cell::kPlain, "every"}};
constexpr std::array kPortals = {Column{"ADDRESS", "address"}, Column{"GROUP", "group"},
                                 Column{"LISTENING", "listening"}};
constexpr std::array kFcPorts = {Column{"NAME", "name"},       Column{"DEVICE", "device"},
                                 Column{"STATE", "state"},     Column{"WWPN", "wwpn"},
                                 Column{"SPEED", "speed"},     Column{"TOPOLOGY", "topology"},
                                 Column{"PORT ID", "port_id"}, Column{"NAME SERVER", "registration"},
                                 Column{"LOGINS", "logins"},   Column{"QUEUES", "queues"}};
constexpr std::array kDevices = {Column{"ADDRESS", "address"},
                                 Column{"ID", "id"},
                                 Column{"MODEL", "model"},
                                 Column{"DRIVER", "driver"},
                                 Column{"IOMMU GROUP", "iommu_group"},
                                 Column{"NUMA", "numa_node"},
                                 Column{"USABLE", "usable"},
                                 Column{"WHY NOT", "obstacle"}};
constexpr std::array kHostGroups = {Column{"NAME", "name"}, Column{"INITIATORS", "initiators"}};
constexpr std::array kTargetGroups = {Column{"NAME", "name"}, Column{"TARGETS", "targets"}};
constexpr std::array kViews = {
    Column{"LU", "lu"}, Column{"LUN", "lun"}, Column{"HOSTS", "host_group", Cell::kPlain, "every"},
    Column{"TARGETS", "target_group", Cell::kPlain, "every"}, Column{"READ-ONLY", "read_only"}};
constexpr std::array kUsers = {Column{"NAME", "name"}, Column{"MUTUAL USER", "mutual_user"}};
constexpr std::array kSessions = {Column{"ID", "id"},
                                  Column{"INITIATOR", "initiator"},
                                  Column{"TARGET", "target", Cell::kPlain, "(discovery)"},
                                  Column{"PEER", "peers"},
                                  Column{"AUTHENTICATION", "authentication"},
                                  Column{"IN FLIGHT", "in_flight"},
                                  Column{"COMMANDS", "commands"}};
constexpr std::array kStats = {Column{"OF", "kind"},
                               Column{"NAME", "name"},
                               Column{"SESSION", "id"},
                               Column{"READS", "reads"},
                               Column{"WRITES", "writes"},
                               Column{"OTHERS", "others"},
                               Column{"READ", "read_bytes", Cell::kBytes},
                               Column{"WRITTEN", "write_bytes", Cell::kBytes},
                               Column{"ERRORS", "errors"},
                               Column{"ABORTED", "aborted"},
                               Column{"IN FLIGHT", "in_flight"},
                               Column{"P50", "p50_ns", Cell::kNanoseconds},
                               Column{"P99", "p99_ns", Cell::kNanoseconds},
                               Column{"P99.9", "p999_ns", Cell::kNanoseconds}};
constexpr std::array kCommands = {Column{"AGE", "age_ms", Cell::kMilliseconds},
                                  Column{"STATE", "state"},
                                  Column{"COMMAND", "command"},
                                  Column{"LU", "lu"},
                                  Column{"LBA", "lba"},
                                  Column{"BLOCKS", "blocks"},
                                  Column{"TAG", "tag"},
                                  Column{"INITIATOR", "initiator"}};
constexpr std::array kEvents = {Column{"AGE", "age_ms", Cell::kMilliseconds}, Column{"REACTOR", "reactor"},
                                Column{"EVENT", "event"}, Column{"ABOUT", "subject"}, Column{"DETAIL", "detail"}};
constexpr std::array kInjects = {Column{"ID", "id"},           Column{"KIND", "kind"},     Column{"LU", "lu"},
                                 Column{"FIRST", "first_lba"}, Column{"LAST", "last_lba"}, Column{"OPCODE", "opcode"},
                                 Column{"COUNT", "count"},     Column{"LEFT", "left"},     Column{"DELAY", "delay"},
                                 Column{"SENSE", "sense"}};
constexpr std::array kIsns = {Column{"SERVER", "server"},
                              Column{"ENTITY", "entity"},
                              Column{"STATE", "state"},
                              Column{"REGISTERED", "registered"},
                              Column{"TARGETS", "targets"},
                              Column{"NEXT TRY", "next_try_ms", Cell::kMilliseconds},
                              Column{"LAST ERROR", "last_error"},
                              Column{"ERROR AGE", "last_error_age_ms", Cell::kMilliseconds},
                              Column{"ACCESS CONTROL", "access_control"}};
constexpr std::array kMethodList = {Column{"METHOD", "name"}, Column{"DOES", "help"}};

constexpr std::array kListings = {
    Listing{"lu.list", "no logical units", kLus},
    Listing{"target.list", "no targets", kTargets},
    Listing{"portal.list", "no portals", kPortals},
    Listing{"port.list", "no Fibre Channel ports", kFcPorts},
    Listing{"device.list", "no adapter that could be a port", kDevices},
    Listing{"host_group.list", "no host groups", kHostGroups},
    Listing{"target_group.list", "no target groups", kTargetGroups},
    Listing{"view.list", "no views", kViews},
    Listing{"user.list", "no users", kUsers},
    Listing{"isns.list", "no iSNS servers", kIsns},
    Listing{"session.list", "no sessions", kSessions},
    Listing{"stats", "nothing to count", kStats},
    Listing{"command.list", "no commands in flight", kCommands},
    Listing{"debug.events", "nothing has happened yet", kEvents},
    Listing{"debug.inject_list", "no injection rules", kInjects},
    Listing{"describe", "no methods", kMethodList},
};

std::string plain(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) {
    std::string out;
    for (const Json& item : value) out += (out.empty() ? "" : ",") + plain(item);
    return out;
  }
  return print_json(value);
}

std::string cell_text(const Json& value, const Column& column) {
  if (column.cell == Cell::kSize && value.is_number_unsigned()) return format_size(value.get<std::uint64_t>());
  if (column.cell == Cell::kMilliseconds && value.is_number()) return fmt::format("{:.3f} ms", value.get<double>());
  if (column.cell == Cell::kBytes && value.is_number()) return short_bytes(value.get<double>());
  if (column.cell == Cell::kNanoseconds && value.is_number()) return short_time(value.get<double>());
  const std::string text = plain(value);
  return text.empty() ? column.empty : text;
}

std::string format_list(const Listing& listing, const Json& result) {
  if (result.empty()) return std::string(listing.none) + "\n";
  std::vector<std::vector<std::string>> rows(1);
  for (const Column& column : listing.columns) rows[0].emplace_back(column.heading);
  for (const Json& item : result) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const Column& column : listing.columns) row.push_back(cell_text(item.value(column.key, Json()), column));
  }
  return format_table(rows);
}

// "key  value" lines; what is nested is indented and comes last.
void add_fields(const Json& object, const std::string& indent, std::vector<std::vector<std::string>>& rows) {
  for (const auto& [key, value] : object.items()) {
    if (!value.is_structured() || (value.is_array() && (value.empty() || !value[0].is_object()))) {
      rows.push_back({indent + key, plain(value)});
    }
  }
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      if (value.empty()) continue;
      rows.push_back({indent + key, ""});
      add_fields(value, indent + "  ", rows);
    } else if (value.is_array() && !value.empty() && value[0].is_object()) {
      rows.push_back({indent + key, ""});
      for (const Json& item : value) rows.push_back({indent + "  -", print_json(item)});
    }
  }
}

std::string format_report(const Json& result) {
  std::string out;
  for (const Json& change : result["changes"]) out += plain(change) + "\n";
  for (const Json& note : result.value("notes", Json::array())) out += "warning: " + plain(note) + "\n";
  if (result["changes"].empty()) out += "nothing changes\n";
  if (!result.value("applied", false)) out += "(dry run: nothing was changed)\n";
  return out;
}

// The table, and under it what happened to each command.
std::string format_commands(const Listing& listing, const Json& result) {
  std::string out = format_list(listing, result);
  for (const Json& command : result) {
    const Json audit = command.value("audit", Json::array());
    if (audit.empty()) continue;
    out += fmt::format("\ntag {}, {}:\n", plain(command.value("tag", Json())), plain(command.value("command", Json())));
    std::vector<std::vector<std::string>> rows;
    for (const Json& event : audit) {
      rows.push_back({fmt::format("  {:.3f} ms ago", event.value("age_ms", 0.0)), plain(event.value("what", Json())),
                      plain(event.value("detail", Json()))});
    }
    out += format_table(rows);
  }
  return out;
}

// What is inside of `latency` beside the counters.
Json with_quantiles(Json rows) {
  for (Json& row : rows) row.update(row.value("latency", Json::object()));
  return rows;
}

// The peers of a session; where there are several connections, with the CID of each.
Json with_peers(Json sessions) {
  for (Json& session : sessions) {
    session["peers"] = Json::array();
    const Json connections = session.value("connections", Json::array());
    for (const Json& connection : connections) {
      const std::string peer = plain(connection.value("peer", Json()));
      session["peers"].push_back(
          connections.size() == 1 ? peer : fmt::format("{} (CID {})", peer, plain(connection.value("cid", Json()))));
    }
  }
  return sessions;
}

}  // namespace

std::string format_result(const Method& method, const Json& result) {
  for (const Listing& listing : kListings) {
    if (std::strcmp(listing.method, method.name) != 0 || !result.is_array()) continue;
    if (std::strcmp(method.name, "command.list") == 0) return format_commands(listing, result);
    if (std::strcmp(method.name, "session.list") == 0) return format_list(listing, with_peers(result));
    if (std::strcmp(method.name, "stats") == 0) return format_list(listing, with_quantiles(result));
    return format_list(listing, result);
  }
  if (!result.is_object()) return print_json(result) + "\n";
  if (result.contains("changes")) return format_report(result);
  if (std::strcmp(method.name, "event.list") == 0) return format_events(result, false);
  if (result.size() == 1 && result.contains("text")) return plain(result["text"]);
  if (result.empty()) return "done\n";
  std::vector<std::vector<std::string>> rows;
  add_fields(result, "", rows);
  return format_table(rows);
}

}  // namespace ctl
