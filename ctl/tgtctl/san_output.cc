// The emulator's answers are few kinds of JSON; each kind has one look.
#include "ctl/tgtctl/san_output.h"

#include <algorithm>
#include <vector>

#include "ctl/tgtctl/table.h"

namespace ctl {
namespace {

using Row = std::vector<std::string>;

// Text of one cell; lists of things show what each is called by.
std::string cell(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (!value.is_array()) return print_json(value);
  std::string out;
  for (const Json& item : value) {
    out += (out.empty() ? "" : ",") + cell(item.is_object() ? item.value("wwpn", Json()) : item);
  }
  return out.empty() ? "-" : out;
}

std::string heading(std::string key) {
  std::ranges::transform(key, key.begin(), [](char c) {
    if (c == '_') return ' ';
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return key;
}

std::string table_of(const Json& things) {
  std::vector<Row> rows(1, Row{"NUMBER"});
  for (const auto& [key, value] : things[0].items()) {
    if (key != "number") rows[0].push_back(heading(key));
  }
  for (std::size_t i = 0; i < things.size(); ++i) {
    const Json& thing = things[i];
    Row row{cell(thing.value("number", Json(i)))};
    for (const auto& [key, value] : things[0].items()) {
      if (key != "number") row.push_back(cell(thing.value(key, Json())));
    }
    rows.push_back(std::move(row));
  }
  return format_table(rows);
}

bool is_list_of_things(const Json& value) {
  return value.is_array() && !value.empty() && std::ranges::all_of(value, [](const Json& v) { return v.is_object(); });
}

bool is_lines(const Json& value) {
  return value.is_array() && std::ranges::all_of(value, [](const Json& v) { return v.is_string(); });
}

}  // namespace

std::string format_san(const Json& answer) {
  if (answer.empty()) return "done\n";
  std::string out;
  std::vector<Row> single;
  for (const auto& [key, value] : answer.items()) {
    if (is_list_of_things(value)) {
      out += table_of(value);
    } else if (is_lines(value)) {
      for (const Json& line : value) out += line.get<std::string>() + "\n";
    } else if (value.is_string()) {
      const auto text = value.get<std::string>();
      out += text + (text.ends_with('\n') ? "" : "\n");
    } else {
      single.push_back({heading(key), cell(value)});
    }
  }
  return single.empty() ? out : out + format_table(single);
}

}  // namespace ctl
