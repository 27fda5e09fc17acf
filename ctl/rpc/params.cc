// Checking parameters against their table.
#include "ctl/rpc/params.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "ctl/units.h"

namespace ctl {
namespace {

const Param* find(std::span<const Param> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const Param& param) { return name == param.name; });
  return found == table.end() ? nullptr : &*found;
}

tl::unexpected<base::Error> wrong(const Param& param, std::string_view why) {
  return base::fail(base::Errc::kInvalid, fmt::format("{} {}", param.name, why));
}

bool is_choice(const Param& param, std::string_view value) {
  std::string_view left = param.choices;
  while (!left.empty()) {
    const std::string_view one = left.substr(0, left.find('|'));
    if (one == value) return true;
    left.remove_prefix(std::min(left.size(), one.size() + 1));
  }
  return false;
}

template <class T>
base::Result<std::int64_t> counted(const Param& param, base::Result<T> parsed) {
  if (!parsed) return wrong(param, parsed.error().text);
  if constexpr (std::is_same_v<T, base::Duration>) {
    return parsed->count();
  } else {
    return static_cast<std::int64_t>(*parsed);
  }
}

}  // namespace

const char* param_type_name(ParamType type) {
  constexpr const char* kNames[] = {"text", "choice", "integer", "flag", "size", "duration", "list", "secret", "file"};
  return kNames[static_cast<std::size_t>(type)];
}

base::Result<Params> Params::from_json(std::span<const Param> table, const Json& json) {
  if (!json.is_object()) return base::fail(base::Errc::kInvalid, "parameters are given by name, in an object");
  Params params;
  params.table_ = table;
  for (const auto& [name, value] : json.items()) {
    const Param* const param = find(table, name);
    if (param == nullptr) {
      return base::fail(base::Errc::kInvalid, fmt::format("unknown parameter \"{}\"", base::escaped(name)));
    }
    if (value.is_null()) continue;  // as if it were absent
    params.values_.emplace(name, TRY(convert(*param, value)));
  }
  for (const Param& param : table) {
    if (param.use != Param::kOptional && !params.has(param.name)) return wrong(param, "is missing");
  }
  return params;
}

base::Result<Params::Value> Params::convert(const Param& param, const Json& json) {
  const std::string* const text = json.get_ptr<const std::string*>();
  switch (param.type) {
    case ParamType::kText:
    case ParamType::kFile:
      if (text == nullptr) return wrong(param, "must be text");
      return Value(*text);
    case ParamType::kChoice:
      if (text == nullptr || !is_choice(param, *text))
        return wrong(param, fmt::format("must be one of {}", param.choices));
      return Value(*text);
    case ParamType::kSecret:
      if (text == nullptr) return wrong(param, "must be text");
      return Value(Secret(*text));
    case ParamType::kFlag:
      if (!json.is_boolean()) return wrong(param, "must be true or false");
      return Value(json.get<bool>());
    case ParamType::kList: {
      if (!json.is_array()) return wrong(param, "must be a list of text");
      std::vector<std::string> items;
      for (const Json& item : json) {
        if (!item.is_string()) return wrong(param, "must be a list of text");
        items.push_back(item.get<std::string>());
      }
      return Value(std::move(items));
    }
    case ParamType::kDuration:
      if (text == nullptr) return wrong(param, "must be a duration such as \"15s\"");
      return Value(TRY(counted(param, parse_duration(*text))));
    case ParamType::kSize:
      if (text != nullptr) return Value(TRY(counted(param, parse_size(*text))));
      [[fallthrough]];
    case ParamType::kInteger:
      break;
  }
  if (!json.is_number_integer()) return wrong(param, "must be a whole number");
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) return wrong(param, "is too large");
  const auto number = json.get<std::int64_t>();
  if (number < param.least || number > param.most) {
    return wrong(param, fmt::format("must be {} to {}", param.least, param.most));
  }
  return Value(number);
}

template <class T>
const T& Params::get(std::string_view name) const {
  static const T kEmpty{};
  CHECK(find(table_, name) != nullptr);
  const auto found = values_.find(name);
  if (found == values_.end()) return kEmpty;
  const T* const value = std::get_if<T>(&found->second);
  CHECK(value != nullptr);
  return *value;
}

const std::string& Params::text(std::string_view name) const { return get<std::string>(name); }
std::int64_t Params::integer(std::string_view name) const { return get<std::int64_t>(name); }
bool Params::flag(std::string_view name) const { return get<bool>(name); }
const std::vector<std::string>& Params::list(std::string_view name) const {
  return get<std::vector<std::string>>(name);
}
const Secret& Params::secret(std::string_view name) const { return get<Secret>(name); }

std::string Params::describe() const {
  std::string out;
  for (const auto& [name, value] : values_) {
    const Param* const param = find(table_, name);
    if (param == nullptr || param->type == ParamType::kSecret || param->type == ParamType::kFile) continue;
    std::string shown;
    if (const auto* const text = std::get_if<std::string>(&value)) shown = base::escaped(*text);
    if (const auto* const number = std::get_if<std::int64_t>(&value)) shown = std::to_string(*number);
    if (const auto* const flag = std::get_if<bool>(&value)) shown = *flag ? "true" : "false";
    if (const auto* const items = std::get_if<std::vector<std::string>>(&value)) {
      for (const std::string& item : *items) shown += (shown.empty() ? "" : ",") + base::escaped(item);
    }
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, shown);
  }
  return out;
}

}  // namespace ctl
