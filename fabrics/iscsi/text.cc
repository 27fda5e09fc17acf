// Reading and writing of key=value text.
#include "fabrics/iscsi/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace iscsi {
namespace {

bool key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '+' || c == '@' || c == '_' || c == '/' || c == '#';
}

}  // namespace

TextReader::Step TextReader::next(KeyValue& pair) {
  while (!rest_.empty() && rest_.front() == '\0') rest_.remove_prefix(1);  // padding that was counted as data
  if (rest_.empty()) return Step::kEnd;
  const std::size_t end = rest_.find('\0');
  const std::string_view item = rest_.substr(0, end);
  const std::size_t equals = item.find('=');
  if (end == std::string_view::npos || equals == std::string_view::npos || equals == 0 || equals > kMaxKeyName ||
      !std::all_of(item.begin(), item.begin() + equals, key_character)) {
    rest_ = {};
    return Step::kMalformed;
  }
  pair = {item.substr(0, equals), item.substr(equals + 1)};
  rest_.remove_prefix(end + 1);
  return Step::kPair;
}

void TextWriter::add(std::string_view key, std::string_view value) {
  const std::size_t size = key.size() + value.size() + 2;
  if (!fits_ || size > limit_ || text_.size() > limit_ - size) {
    fits_ = false;
    return;
  }
  text_.append(key).append(1, '=').append(value).append(1, '\0');
}

void TextWriter::add(std::string_view key, std::uint32_t value) { add(key, fmt::format_int(value).c_str()); }

}  // namespace iscsi
