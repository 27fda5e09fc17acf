// Typed access to JSON objects.
#include "ctl/import/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"

namespace ctl {
namespace {

const Json kNothing = Json::object();

std::optional<std::int64_t> integer(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  const auto* const text = value.get_ptr<const Json::string_t*>();
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::optional<std::string> text_of(const Json& value) {
  if (const auto* const text = value.get_ptr<const Json::string_t*>()) return *text;
  return value.is_number_integer() ? std::optional(value.dump()) : std::nullopt;
}

// "Yes" and "yes", 1, "1" and true are the same.
std::string plain(const Json& value) {
  if (const auto number = integer(value)) return fmt::format("{}", *number);
  const auto* const text = value.get_ptr<const Json::string_t*>();
  return text != nullptr ? *text : std::string(value.type_name());
}

}  // namespace

Place JsonFields::place(std::string_view key) const {
  Place inner = place_;
  inner.path += inner.path.empty() ? key : fmt::format(".{}", key);
  return inner;
}

const Json* JsonFields::take(const char* key) {
  taken_.emplace(key);
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

std::string JsonFields::text(const char* key) {
  const Json* const value = take(key);
  return value == nullptr ? std::string() : text_of(*value).value_or("");
}

std::optional<std::string> JsonFields::text_if_it_is(const char* key) {
  const auto found = json_.is_object() ? json_.find(key) : json_.end();
  std::optional<std::string> text = found == json_.end() ? std::nullopt : text_of(*found);
  if (text) taken_.emplace(key);
  return text;
}

std::optional<std::int64_t> JsonFields::signed_number(const char* key) {
  const Json* const value = take(key);
  if (value == nullptr) return std::nullopt;
  const auto number = integer(*value);
  if (!number) findings_.add(place(key), std::string("value of ") + key, "it is no whole number", "it is passed over");
  return number;
}

std::optional<std::uint64_t> JsonFields::number(const char* key) {
  const auto value = signed_number(key);
  return value && *value >= 0 ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

bool JsonFields::flag(const char* key, bool otherwise) {
  const Json* const value = take(key);
  if (value == nullptr) return otherwise;
  if (const auto number = integer(*value)) return *number != 0;
  const auto* const text = value->get_ptr<const Json::string_t*>();
  return text != nullptr && (*text == "yes" || *text == "Yes" || *text == "true");
}

const Json& JsonFields::object(const char* key) {
  const Json* const value = take(key);
  return value != nullptr && value->is_object() ? *value : kNothing;
}

void JsonFields::each(const char* key, const std::function<void(JsonFields&)>& use) {
  const Json* const value = take(key);
  if (value == nullptr || !value->is_array()) return;
  for (std::size_t i = 0; i < value->size(); ++i) {
    JsonFields element((*value)[i], place(fmt::format("{}[{}]", key, i)), findings_);
    use(element);
  }
}

void JsonFields::known(std::initializer_list<const char*> keys) {
  for (const char* const key : keys) taken_.emplace(key);
}

void JsonFields::finish(std::initializer_list<const char*> harmless, const char* why) {
  if (!json_.is_object()) return;
  for (const auto& item : json_.items()) {
    const std::string& key = item.key();
    const Json& value = item.value();
    if (taken_.contains(key) || value.is_null()) continue;
    const std::string pair = fmt::format("{}={}", key, plain(value));
    const auto same = [&](const char* each) { return key == each || pair == each; };
    if (std::any_of(harmless.begin(), harmless.end(), same)) continue;
    const bool secret = key.find("password") != std::string::npos || key.find("secret") != std::string::npos;
    findings_.add(place(base::escaped(key, 100)),
                  secret                  ? key
                  : value.is_structured() ? key
                                          : pair,
                  why, "it is passed over");
  }
}

}  // namespace ctl
