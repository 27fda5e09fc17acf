// Reads one TOML table key by key: typed, with ranges, and with a fault for whatever was not asked for.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace ctl {

// Faults of one text, in the order found; at most kMost are kept.
class Faults {
 public:
  explicit Faults(std::string origin) : origin_(std::move(origin)) {}
  void add(const toml::source_position& at, const std::string& text);
  bool any() const { return !lines_.empty(); }
  base::Error error() const;

 private:
  static constexpr std::size_t kMost = 50;
  std::string origin_;
  std::vector<std::pair<toml::source_position, std::string>> lines_;
};

class TableReader {
 public:
  // `what` begins the sentences: "lu \"disk0\"".
  TableReader(const toml::table& table, std::string what, Faults& faults)
      : table_(table), what_(std::move(what)), faults_(faults) {}

  // Each reads into `out` if the key is there, leaves it alone otherwise, and reports what is wrong.
  void read(std::string_view key, std::string& out);
  void read(std::string_view key, bool& out);
  void read(std::string_view key, base::Duration& out);  // "15s"
  void read(std::string_view key, std::vector<std::string>& out);
  void read_size(std::string_view key, std::uint64_t& out);  // "10GiB" or a number of bytes
  template <class Integer>
  void read(std::string_view key, Integer& out, std::int64_t least, std::int64_t most) {
    const toml::node* const node = take(key);
    if (node != nullptr) integer(*node, key, out, least, most);
  }
  template <class Integer>
  void read(std::string_view key, std::vector<Integer>& out, std::int64_t least, std::int64_t most) {
    const toml::array* const array = array_of(key);
    if (array == nullptr) return;
    out.clear();
    for (const toml::node& node : *array) {
      Integer value = 0;
      if (integer(node, key, value, least, most)) out.push_back(value);
    }
  }
  // Text that `parse` (text -> Result<T>) understands.
  template <class T, class Parse>
  void read(std::string_view key, T& out, Parse&& parse) {
    const toml::node* const node = take(key);
    if (node == nullptr) return;
    if (const auto text = node->value_exact<std::string>()) {
      put(*node, key, out, parse(*text));
    } else {
      wrong_type(*node, key, "text");
    }
  }
  const std::set<std::string, std::less<>>& keys() const { return taken_; }  // that were asked for
  void require(std::string_view key);                                        // a fault if the key is not there
  void reject(std::string_view key, const std::string& why);                 // a fault at the key's value
  void finish();                                                             // a fault for each key that was not read
  void finish_quietly();  // the same, for tables whose keys must not be quoted

 private:
  template <class Integer>
  bool integer(const toml::node& node, std::string_view key, Integer& out, std::int64_t least, std::int64_t most) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) return wrong_type(node, key, "a whole number");
    if (*value < least || *value > most) return fault(node, fmt::format("{} is {} to {}", key, least, most));
    out = static_cast<Integer>(*value);
    return true;
  }
  template <class T>
  void put(const toml::node& node, std::string_view key, T& out, base::Result<T> value) {
    if (value) {
      out = std::move(*value);
    } else {
      fault(node, fmt::format("{} {}", key, value.error().text));
    }
  }
  const toml::node* take(std::string_view key);
  const toml::array* array_of(std::string_view key);
  bool wrong_type(const toml::node& node, std::string_view key, const char* wanted);
  bool fault(const toml::node& node, const std::string& text);  // always false

  const toml::table& table_;
  std::string what_;
  Faults& faults_;
  std::set<std::string, std::less<>> taken_;
};

// Parses TOML text; toml++'s exceptions end here. What it says is cut so that it quotes nothing of the text.
base::Result<toml::table> parse_toml(std::string_view text, const std::string& origin);

}  // namespace ctl
