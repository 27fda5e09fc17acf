// The parameters of one call: what a method takes, and the checked values that its handler gets.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/config/secret.h"
#include "ctl/rpc/json.h"

namespace ctl {

enum class ParamType : std::uint8_t {
  kText,
  kChoice,    // one of `choices`
  kInteger,   // least to most
  kFlag,      // true or false
  kSize,      // "10GiB" or a number of bytes
  kDuration,  // "15s"
  kList,      // of text
  kSecret,    // text that is never shown; tgtctl reads it from a descriptor, a file or the terminal
  kFile,      // text of a file; tgtctl reads the file
};

struct Param {
  enum Use : std::uint8_t { kPositional, kRequired, kOptional };  // the first two must be given
  const char* name;
  ParamType type;
  Use use;
  const char* help;
  const char* choices = nullptr;  // "ram|file"
  std::int64_t least = 0, most = INT64_MAX;
  const char* asked_with = nullptr;  // kSecret: tgtctl asks for it when this other parameter is given
};
const char* param_type_name(ParamType type);

class Params {
 public:
  // Refuses unknown names, wrong types, values out of range, and what is missing. Errors quote no value.
  static base::Result<Params> from_json(std::span<const Param> table, const Json& json);

  bool has(std::string_view name) const { return values_.contains(name); }
  // Each CHECKs that the table declares `name` with this type; absent: empty, 0 or false.
  const std::string& text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::uint64_t size(std::string_view name) const { return static_cast<std::uint64_t>(integer(name)); }
  base::Duration duration(std::string_view name) const { return base::Duration(integer(name)); }
  const std::vector<std::string>& list(std::string_view name) const;
  const Secret& secret(std::string_view name) const;
  // For the log of changes: every parameter but secrets and files. "name=disk0 size=1073741824"
  std::string describe() const;

 private:
  using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>, Secret>;
  static base::Result<Value> convert(const Param& param, const Json& json);
  template <class T>
  const T& get(std::string_view name) const;
  std::map<std::string, Value, std::less<>> values_;
  std::span<const Param> table_;
};

}  // namespace ctl
