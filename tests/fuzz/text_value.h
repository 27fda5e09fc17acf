// What a target's text says of a key.
#pragma once

#include <string>
#include <string_view>

#include "fabrics/iscsi/text.h"

inline std::string value_of(const std::string& text, std::string_view key) {
  iscsi::TextReader reader(text);
  iscsi::KeyValue pair;
  while (reader.next(pair) == iscsi::TextReader::Step::kPair) {
    if (pair.key == key) return std::string(pair.value);
  }
  return "";
}
