// A table of commands, and what each does to the network.
#include "emu/tool/commands.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

namespace emu::tool {
namespace {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

Words split(std::string_view text, std::string_view separators) {
  Words words;
  while (true) {
    const std::size_t start = text.find_first_not_of(separators);
    if (start == std::string_view::npos) return words;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

base::Result<std::uint64_t> number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) {
    return base::fail(base::Errc::kInvalid, std::string(text) + " is not a number up to " + std::to_string(most));
  }
  return value;
}

base::Result<Hba*> hba_of(San& san, std::string_view text) {
  if (text.starts_with("hba")) text.remove_prefix(3);
  return &san.hbas()[TRY(number(text, san.hbas().size() - 1))];
}

Json describe(const Hba& hba) {
  return {{"wwpn", hal::fc::to_string(hba.name)},   {"socket", hba.socket},
          {"client", hba.host->connected()},        {"link", hba.link->end(0).up()},
          {"model_faults", hba.host->faults()},     {"frames_sent", hba.link->frames(0)},
          {"frames_received", hba.link->frames(1)}, {"frames_lost", hba.link->lost()}};
}

base::Result<Json> list(San& san, const Words&) {
  Json all = Json::array();
  for (const Hba& hba : san.hbas()) all.push_back(describe(hba));
  return Json{{"hbas", std::move(all)}, {"model_faults", san.faults()}};
}

base::Result<Json> ports(San& san, const Words&) {
  if (san.fabric() == nullptr) return base::fail(base::Errc::kUnsupported, "there is no switch");
  Json all = Json::array();
  for (const fc::SwitchPortInfo& port : san.fabric()->ports()) {
    Json nodes = Json::array();
    for (const hal::fc::RemotePort& node : port.nodes) {
      nodes.push_back({{"port_id", node.id.raw}, {"wwpn", hal::fc::to_string(node.port_name)}});
    }
    all.push_back({{"number", port.number},
                   {"enabled", port.enabled},
                   {"light", port.light},
                   {"nodes", std::move(nodes)},
                   {"frames_in", port.frames_in},
                   {"frames_lost", port.frames_lost},
                   {"rscns_sent", port.rscns_sent},
                   {"rscns_received", port.rscns_received},
                   {"rscns_refused", port.rscns_refused}});
  }
  return Json{{"ports", std::move(all)}};
}

base::Result<Json> link(San& san, const Words& words) {
  Hba& hba = *TRY(hba_of(san, words[1]));
  if (words[2] == "down" || words[2] == "up") {
    hba.link->cut(words[2] == "down");
    return Json::object();
  }
  hba.link->bounce(std::chrono::milliseconds(TRY(number(words[2], 3'600'000))));
  return Json::object();
}

base::Result<Json> port(San& san, const Words& words) {
  if (san.fabric() == nullptr) return base::fail(base::Errc::kUnsupported, "there is no switch");
  if (words[2] != "on" && words[2] != "off") return base::fail(base::Errc::kInvalid, "a port goes on or off");
  const auto which = static_cast<unsigned>(TRY(number(words[1], san.hbas().size() - 1)));
  san.fabric()->enable_port(which, words[2] == "on");
  return Json::object();
}

base::Result<Json> faults(San& san, const Words& words) {
  Hba& hba = *TRY(hba_of(san, words[1]));
  fc::LinkFaults chances;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const auto value = static_cast<std::uint32_t>(
        TRY(number(equals == std::string::npos ? "" : std::string_view(words[i]).substr(equals + 1), 1'000'000)));
    if (name == "drop")
      chances.drop = value;
    else if (name == "delay")
      chances.delay = value;
    else if (name == "reorder")
      chances.reorder = value;
    else if (name == "bounce")
      chances.bounce = value;
    else
      return base::fail(base::Errc::kInvalid, "faults are drop, delay, reorder and bounce, each =PER-MILLION");
  }
  hba.link->set_faults(chances);
  return Json::object();
}

base::Result<Json> zones(San& san, const Words& words) {
  if (san.fabric() == nullptr) return base::fail(base::Errc::kUnsupported, "there is no switch");
  std::vector<fc::Zone> made;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "none") continue;
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos) return base::fail(base::Errc::kInvalid, "a zone is NAME=WWPN,WWPN,...");
    fc::Zone& zone = made.emplace_back();
    zone.name = words[i].substr(0, equals);
    for (const std::string& member : split(std::string_view(words[i]).substr(equals + 1), ",")) {
      zone.members.push_back(TRY(hal::fc::parse_wwn(member)));
    }
  }
  san.fabric()->set_zones(std::move(made));
  return Json::object();
}

base::Result<Json> crash(San& san, const Words& words) {
  TRY(hba_of(san, words[1]))->model->crash_firmware();
  return Json::object();
}

base::Result<Json> lose(San& san, const Words& words) {
  Hba& hba = *TRY(hba_of(san, words[1]));
  const auto count = static_cast<unsigned>(TRY(number(words[3], 1'000'000)));
  if (words[2] == "mailbox") {
    hba.model->lose_mailbox_answers(count);
  } else if (words[2] == "completions") {
    hba.model->lose_completions(count);
  } else {
    return base::fail(base::Errc::kInvalid, "mailbox answers or completions can be lost");
  }
  return Json::object();
}

base::Result<Json> remove(San& san, const Words& words) {
  TRY(hba_of(san, words[1]))->host->pull_out();
  return Json::object();
}

base::Result<Json> dump(San& san, const Words& words) {
  const Hba& hba = *TRY(hba_of(san, words[1]));
  return Json{{"dump", hba.model->dump()}};
}

base::Result<Json> flush(San& san, const Words&) {
  if (san.capture() == nullptr) return base::fail(base::Errc::kUnsupported, "nothing is captured");
  san.capture()->flush();
  return Json::object();
}

struct Row {
  const char* name;
  std::size_t words;  // at least, with the name
  base::Result<Json> (*run)(San& san, const Words& words);
  const char* usage;
};
constexpr Row kRows[] = {
    {"list", 1, list, "list: adapters, clients, frames, model faults"},
    {"ports", 1, ports, "ports: of the switch, and who is logged in"},
    {"link", 3, link, "link N down|up|MILLISECONDS: cable out, in, or dark for a while"},
    {"port", 3, port, "port N on|off: of the switch"},
    {"faults", 2, faults, "faults N [drop=P] [delay=P] [reorder=P] [bounce=P]: per million frames"},
    {"zones", 1, zones, "zones [none | NAME=WWPN,...]...: replaces all"},
    {"crash", 2, crash, "crash N: the firmware"},
    {"lose", 4, lose, "lose N mailbox|completions COUNT: the next answers"},
    {"remove", 2, remove, "remove N: surprise removal; the client may come back"},
    {"dump", 2, dump, "dump N: registers, rings, logins"},
    {"flush", 1, flush, "flush: the capture file"},
};

Json help() {
  Json lines = Json::array({"stop: ends the program"});
  for (const Row& row : kRows) lines.push_back(row.usage);
  return {{"commands", std::move(lines)}};
}

base::Result<Json> dispatch(San& san, const Words& words) {
  for (const Row& row : kRows) {
    if (words[0] != row.name) continue;
    if (words.size() < row.words) return base::fail(base::Errc::kInvalid, row.usage);
    return row.run(san, words);
  }
  return base::fail(base::Errc::kNotFound, "there is no command " + words[0] + "; try help");
}

}  // namespace

std::string Commands::run(std::string_view line) {
  const Words words = split(line, " \t\r");
  base::Result<Json> result = Json::object();
  if (words.empty() || words[0] == "help") {
    result = help();
  } else if (words[0] == "stop") {
    stop_();
  } else {
    result = dispatch(san_, words);
  }
  Json answer = result.has_value() ? *result : Json{{"error", result.error().text}};
  answer["ok"] = result.has_value();
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace emu::tool
