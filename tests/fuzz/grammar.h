// Text made of an input's bytes by a grammar: one byte for each field of an entry chooses whether it is there and with
// which of the values that it may have, in the syntax of one kind of file. Zeros make the smallest text.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tests/fuzz/words.h"

namespace grammar {

struct Field;
using Entry = std::span<const Field>;

struct Field {
  std::string_view key;     // "!key": always there
  std::string_view values;  // "a|b|c", as the file has them; none: the field has inner entries
  Entry (*inner)() = nullptr;
  bool single = false;  // one inner entry, not a list of them
};

enum class Syntax : std::uint8_t { kToml, kJson, kScst, kTgt };

class Maker {
 public:
  Maker(Input& input, Syntax syntax) : input_(input), syntax_(syntax) {}
  std::string make(Entry root) {
    if (syntax_ == Syntax::kJson) return "{" + fields(root) + "}";
    return fields(root);
  }

 private:
  // One of the field's values; one in 16 is any text, or another field's.
  std::string value(const Field& field, Entry entry, std::uint8_t which) {
    if (which < 0xf0) return std::string(pick_of(field.values, which >> 1));
    if (which < 0xf8) return std::string(pick_of(entry[which % entry.size()].values, input_.byte()));
    if (syntax_ == Syntax::kJson || syntax_ == Syntax::kToml) {
      if (which == 0xf8) return std::to_string(next_number(input_));
      if (which == 0xf9) return "\"" + raw_text(input_) + "\"";
      if (which < 0xfd) return escapes();
    }
    return raw_text(input_);
  }
  // A string of what one may want to quote, each as the escape that both syntaxes have.
  std::string escapes() {
    static constexpr char kOdd[] = "\\\"'#$ \t\n\0\x7f,/[]{}=\x1f";
    constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (int i = 1 + (input_.byte() & 3); i > 0; --i) {
      const auto odd = static_cast<unsigned char>(kOdd[input_.byte() % (sizeof kOdd - 1)]);
      out.append("\\u00").append(1, kHex[odd >> 4]).append(1, kHex[odd & 15]);
    }
    return out + "\"";
  }
  std::string fields(Entry entry) {
    std::string out;
    for (const Field& field : entry) {
      const bool always = field.key.front() == '!';
      const std::string_view key = field.key.substr(always ? 1 : 0);
      const std::uint8_t which = input_.byte();
      if (field.inner != nullptr) {
        const std::string part = inner(field, key, field.single ? which & 1 : which & 3);
        if (syntax_ == Syntax::kJson && !out.empty() && !part.empty()) out.push_back(',');
        out += part;
      } else if (always || (which & 1) != 0) {
        add(out, key, value(field, entry, which));
        if (syntax_ >= Syntax::kScst && (which & 0xe0) == 0xa0) add(out, key, value(field, entry, input_.byte()));
      }
    }
    return out;
  }
  void add(std::string& out, std::string_view key, const std::string& value) {
    switch (syntax_) {
      case Syntax::kToml:
        out.append(key).append(" = ").append(value).append("\n");
        break;
      case Syntax::kJson:
        out.append(out.empty() ? "\"" : ",\"").append(key).append("\":").append(value);
        break;
      case Syntax::kScst:
      case Syntax::kTgt:
        out.append(key).append(" ").append(value).append("\n");
        break;
    }
  }
  std::string inner(const Field& field, std::string_view key, int count) {
    std::string out;
    const Entry entry = field.inner();
    if (syntax_ == Syntax::kJson) {
      if (count == 0) return out;
      out.append("\"").append(key).append(field.single ? "\":" : "\":[");
      for (int i = 0; i < count; ++i) out.append(i == 0 ? "{" : ",{").append(fields(entry)).append("}");
      return field.single ? out : out.append("]");
    }
    for (int i = 0; i < count; ++i) {
      if (syntax_ == Syntax::kToml) {
        out.append(field.single ? "[" : "[[").append(key).append(field.single ? "]\n" : "]]\n");
        out += fields(entry);
        continue;
      }
      std::string head(key);  // the first field of a block is its name
      const std::uint8_t which = input_.byte();
      head.append(" ").append(value(entry.front(), entry, which));
      const std::string body = fields(entry.subspan(1));
      if (syntax_ == Syntax::kScst) out += body.empty() ? head + "\n" : head + " {\n" + body + "}\n";
      if (syntax_ == Syntax::kTgt) out += "<" + head + ">\n" + body + "</" + std::string(key) + ">\n";
    }
    return out;
  }

  Input& input_;
  Syntax syntax_;
};

}  // namespace grammar
