// One list of fields for both ways: a visitor that writes a value into JSON, and one that reads it back.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "ctl/rpc/json.h"

namespace ctl {

// A type with fields has `template <class Visitor> void fields(Visitor&, T&)` (found by its arguments), which calls
// visitor("name", member) for each. Bytes are text of hexadecimal digits; a descriptor is its place in a list.
template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsOptional<std::unique_ptr<T>> : std::true_type {};
using Bytes = std::vector<std::byte>;

// One member of an object: empty, or 0, when it is not there or something else.
std::string text_field(const Json& object, const char* name);
std::uint64_t number_field(const Json& object, const char* name);

std::string hex_of(const Bytes& bytes);
bool bytes_of(const std::string& hex, Bytes& out);

class FieldWriter {
 public:
  FieldWriter(Json& out, std::vector<base::Fd>& descriptors) : out_(out), descriptors_(descriptors) {}
  template <class T>
  void operator()(const char* name, T& member) {
    out_[name] = json_of(member);
  }

 private:
  template <class T>
  Json json_of(T& value) {
    if constexpr (std::is_same_v<T, base::Fd>) {
      if (!value) return nullptr;
      descriptors_.push_back(std::move(value));
      return descriptors_.size() - 1;
    } else if constexpr (std::is_same_v<T, Bytes>) {
      return hex_of(value);
    } else if constexpr (IsList<T>::value) {
      Json list = Json::array();
      for (auto& each : value) list.push_back(json_of(each));
      return list;
    } else if constexpr (IsOptional<T>::value) {
      return value ? json_of(*value) : Json(nullptr);
    } else if constexpr (std::is_enum_v<T>) {
      return static_cast<std::underlying_type_t<T>>(value);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      Json object = Json::object();
      FieldWriter inner(object, descriptors_);
      fields(inner, value);
      return object;
    }
  }
  Json& out_;
  std::vector<base::Fd>& descriptors_;
};

class FieldReader {
 public:
  // `wrong` gets the name of the first field that is missing or does not fit.
  FieldReader(const Json& in, std::vector<base::Fd>& descriptors, std::string& wrong)
      : in_(in), descriptors_(descriptors), wrong_(wrong) {}
  template <class T>
  void operator()(const char* name, T& member) {
    const auto at = in_.is_object() ? in_.find(name) : in_.end();
    if ((!in_.is_object() || at == in_.end() || !take(*at, member)) && wrong_.empty()) wrong_ = name;
  }

 private:
  template <class T>
  bool take(const Json& json, T& out) {
    if constexpr (std::is_same_v<T, base::Fd>) {
      if (json.is_null()) return true;
      std::size_t place = 0;
      if (!take(json, place) || place >= descriptors_.size() || !descriptors_[place]) return false;
      out = std::move(descriptors_[place]);
      return true;
    } else if constexpr (std::is_same_v<T, Bytes>) {
      return json.is_string() && bytes_of(json.get_ref<const std::string&>(), out);
    } else if constexpr (IsList<T>::value) {
      if (!json.is_array()) return false;
      out.resize(json.size());
      for (std::size_t i = 0; i < json.size(); ++i) {
        if (!take(json[i], out[i])) return false;
      }
      return true;
    } else if constexpr (IsOptional<T>::value) {
      if (json.is_null()) return true;
      if constexpr (std::is_move_assignable_v<T> && requires { out.emplace(); }) {
        out.emplace();
      } else {
        out = std::make_unique<typename T::element_type>();
      }
      return take(json, *out);
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      if (!take(json, number)) return false;
      out = static_cast<T>(number);
      return true;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) return false;
      out = json.get<bool>();
      return true;
    } else if constexpr (std::is_integral_v<T>) {
      static_assert(std::is_unsigned_v<T>);
      if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::numeric_limits<T>::max()) return false;
      out = static_cast<T>(json.get<std::uint64_t>());
      return true;
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!json.is_string()) return false;
      out = json.get<std::string>();
      return true;
    } else {
      FieldReader inner(json, descriptors_, wrong_);
      fields(inner, out);
      return wrong_.empty();
    }
  }
  const Json& in_;
  std::vector<base::Fd>& descriptors_;
  std::string& wrong_;
};

}  // namespace ctl
