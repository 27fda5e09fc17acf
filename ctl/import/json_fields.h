// A JSON object read key by key: typed, and with a finding for each key that nobody asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "ctl/import/finding.h"
#include "ctl/rpc/json.h"

namespace ctl {

class JsonFields {
 public:
  // `json` may be anything; what is no object has no keys. Both outlive this.
  JsonFields(const Json& json, Place place, Findings& findings)
      : json_(json), place_(std::move(place)), findings_(findings) {}

  const Place& place() const { return place_; }
  Place place(std::string_view key) const;
  std::string text(const char* key);                          // numbers as text, too; else empty
  std::optional<std::string> text_if_it_is(const char* key);  // likewise; what is neither stays for finish()
  std::optional<std::uint64_t> number(const char* key);       // not negative; text that is a number, too
  std::optional<std::int64_t> signed_number(const char* key);
  bool flag(const char* key, bool otherwise);                               // true, 1, "1", "yes"
  const Json& object(const char* key);                                      // an empty one if there is none
  void each(const char* key, const std::function<void(JsonFields&)>& use);  // objects of an array
  void known(std::initializer_list<const char*> keys);                      // they mean nothing here
  // A finding for each key that was not asked for, except those that have one of the values given ("key=value"; "key":
  // any value).
  void finish(std::initializer_list<const char*> harmless, const char* why);

 private:
  const Json* take(const char* key);
  const Json& json_;
  Place place_;
  Findings& findings_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace ctl
