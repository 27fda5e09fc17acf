// Typed reading of TOML tables.
#include "ctl/config/table_reader.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "ctl/units.h"

namespace ctl {

void Faults::add(const toml::source_position& at, const std::string& text) {
  if (lines_.size() < kMost) lines_.emplace_back(at, base::escaped(text, 1000));
}

base::Error Faults::error() const {
  auto sorted = lines_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (const auto& [at, line] : sorted) {
    text += fmt::format("{}{}:{}:{}: {}", text.empty() ? "" : "\n", origin_, at.line, at.column, line);
  }
  return {base::Errc::kInvalid, std::move(text)};
}

bool TableReader::fault(const toml::node& node, const std::string& text) {
  faults_.add(node.source().begin, fmt::format("{}: {}", what_, text));
  return false;
}

bool TableReader::wrong_type(const toml::node& node, std::string_view key, const char* wanted) {
  return fault(node, fmt::format("{} must be {}", key, wanted));
}

const toml::node* TableReader::take(std::string_view key) {
  taken_.emplace(key);
  return table_.get(key);
}

const toml::array* TableReader::array_of(std::string_view key) {
  const toml::node* const node = take(key);
  if (node == nullptr) return nullptr;
  if (!node->is_array()) wrong_type(*node, key, "a list");
  return node->as_array();
}

void TableReader::read(std::string_view key, std::string& out) {
  read(key, out, [](const std::string& text) { return base::Result<std::string>(text); });
}

void TableReader::read(std::string_view key, base::Duration& out) {
  read(key, out, [](const std::string& text) { return parse_duration(text); });
}

void TableReader::read(std::string_view key, bool& out) {
  const toml::node* const node = take(key);
  if (node == nullptr) return;
  if (const auto value = node->value_exact<bool>()) {
    out = *value;
  } else {
    wrong_type(*node, key, "true or false");
  }
}

void TableReader::read(std::string_view key, std::vector<std::string>& out) {
  const toml::array* const array = array_of(key);
  if (array == nullptr) return;
  out.clear();
  for (const toml::node& node : *array) {
    if (auto value = node.value_exact<std::string>()) {
      out.push_back(std::move(*value));
    } else {
      wrong_type(node, key, "a list of text");
    }
  }
}

void TableReader::read_size(std::string_view key, std::uint64_t& out) {
  const toml::node* const node = take(key);
  if (node == nullptr) return;
  if (const auto number = node->value_exact<std::int64_t>(); number && *number >= 0) {
    out = static_cast<std::uint64_t>(*number);
  } else if (const auto text = node->value_exact<std::string>()) {
    put(*node, key, out, parse_size(*text));
  } else {
    wrong_type(*node, key, "a size such as \"10 GiB\", or a number of bytes");
  }
}

void TableReader::require(std::string_view key) {
  if (!table_.contains(key)) faults_.add(table_.source().begin, fmt::format("{}: {} is missing", what_, key));
}

void TableReader::reject(std::string_view key, const std::string& why) {
  const toml::node* const node = table_.get(key);
  if (node != nullptr) fault(*node, fmt::format("{} {}", key, why));
}

void TableReader::finish() {
  for (const auto& [key, node] : table_) {
    if (!taken_.contains(key.str())) {
      faults_.add(key.source().begin, fmt::format("{}: unknown key \"{}\"", what_, key.str()));
    }
  }
}

void TableReader::finish_quietly() {
  for (const auto& [key, node] : table_) {
    if (!taken_.contains(key.str())) faults_.add(key.source().begin, fmt::format("{}: unknown key", what_));
  }
}

base::Result<toml::table> parse_toml(std::string_view text, const std::string& origin) {
  try {
    return toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    // "Error while parsing value: expected X, saw 'Y'": Y is from the text, which may be a misplaced secret.
    std::string_view said = error.description();
    said = said.substr(0, std::min({said.find(", saw"), said.find('\''), said.find('"')}));
    while (said.ends_with(' ')) said.remove_suffix(1);
    if (said.empty()) said = "is not TOML";
    const toml::source_position& at = error.source().begin;
    return base::fail(base::Errc::kInvalid, fmt::format("{}:{}:{}: {}", origin, at.line, at.column, said));
  } catch (const std::exception&) {
    return base::fail(base::Errc::kInvalid, origin + ": cannot be read as TOML");
  }
}

}  // namespace ctl
