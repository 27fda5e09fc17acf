// iSCSI text made of an input's bytes: keys of the table with values that they can have, nearly can have, or any.
#pragma once

#include <string>

#include "fabrics/iscsi/keys.h"
#include "fabrics/iscsi/target_keys.h"
#include "fabrics/iscsi/value.h"
#include "tests/fuzz/words.h"

inline constexpr std::string_view kNames[] = {"iqn.2026-01.test:open",
                                              "iqn.2026-01.test:guarded",
                                              "iqn.2026-01.test:target0",
                                              "IQN.2026-01.Test:Host",
                                              "eui.02004567a425678d",
                                              "naa.52004567ba64678d",
                                              "naa.62004567ba64678d0123456789abcdef",
                                              "eui.nonsense",
                                              "iqn."};
inline constexpr std::string_view kTextWords[] = {"Yes",
                                                  "No",
                                                  "None",
                                                  "CRC32C",
                                                  "CHAP",
                                                  "KRB5",
                                                  "All",
                                                  "Normal",
                                                  "Discovery",
                                                  "RFC3720",
                                                  "ResponseFence",
                                                  "FastAbort",
                                                  "Reject",
                                                  "Irrelevant",
                                                  "NotUnderstood",
                                                  "",
                                                  "0x",
                                                  "0b",
                                                  "5",
                                                  "7~9"};

inline std::string number_text(Input& input, std::uint64_t number) {
  const std::uint8_t how = input.byte();
  static constexpr char kHex[] = "0123456789ABCDEF";
  if ((how & 3) != 3) return ((how & 4) != 0 ? "0" : "") + std::to_string(number) + ((how & 0x38) == 0x38 ? "x" : "");
  std::string digits;
  do {
    digits.insert(digits.begin(), kHex[number & 15]);
    number >>= 4;
  } while (number != 0);
  return ((how & 4) != 0 ? "0X" : "0x") + digits;
}

inline std::string binary_text(Input& input) {
  static constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::uint8_t how = input.byte();
  const auto bytes = std::as_bytes(input.bytes(how & 63u));
  if ((how & 0x40) == 0) return iscsi::encode_hex(bytes);
  std::string text = (how & 0x80) != 0 ? "0B" : "0b";
  for (const std::byte each : bytes) text.push_back(kBase64[static_cast<std::size_t>(each) & 63]);
  text.append((4 - bytes.size() % 4) % 4, '=');
  return text;
}

// What the key's kind can have, at its limits.
inline std::string fitting_value(Input& input, const iscsi::KeyInfo& info) {
  using iscsi::KeyKind;
  const std::uint8_t which = input.byte();
  switch (info.kind) {
    case KeyKind::kLength:
    case KeyKind::kMinimum:
    case KeyKind::kMaximum: {
      using Most = iscsi::TargetKeys;
      const std::uint32_t numbers[] = {info.minimum,     info.maximum,         Most::kMostData,  info.maximum + 1,
                                       info.minimum - 1, Most::kMostBurst + 1, Most::kMostBurst, info.minimum + 1};
      return std::to_string(numbers[which & 7]);
    }
    case KeyKind::kList: {
      std::string list;
      for (std::uint8_t i = which & 3; i > 0; --i) list.append(pick(input, kTextWords)).push_back(',');
      return list.append(pick_of("None|CRC32C|ResponseFence|RFC3720", which >> 2));
    }
    case KeyKind::kAnd:
    case KeyKind::kOr:
    case KeyKind::kObsoleteFlag:
      return (which & 1) != 0 ? "Yes" : "No";
    case KeyKind::kSecurity:
      if (info.key == iscsi::Key::kAuthMethod) return std::string(pick_of("CHAP|None|CHAP,None|None,CHAP|SRP", which));
      if (info.key == iscsi::Key::kChapA) return std::string(pick_of("5|6|7|8|5,6,7,8|9|4,5", which));
      if (info.key == iscsi::Key::kChapI) return number_text(input, which);
      return binary_text(input);
    case KeyKind::kInquiry:
      return (which & 1) != 0 ? "All" : (which & 2) != 0 ? "" : std::string(pick(input, kNames));
    default:
      break;
  }
  return info.key == iscsi::Key::kSessionType ? ((which & 1) != 0 ? "Discovery" : "Normal")
                                              : std::string(pick(input, kNames));
}

inline std::string next_value(Input& input, const iscsi::KeyInfo& info) {
  switch (input.byte() & 7) {
    case 4:
      return number_text(input, next_number(input));
    case 5:
      return std::string(pick(input, kTextWords));
    case 6:
      return binary_text(input);
    case 7:
      return raw_text(input);
    default:
      return fitting_value(input, info);
  }
}

// One pair with its end, seldom malformed.
inline std::string next_pair(Input& input) {
  const auto table = iscsi::key_table();
  const std::uint8_t which = input.byte();
  const iscsi::KeyInfo& info = table[which % table.size()];
  std::string pair(which < 0xf8 ? info.name : std::string_view());
  if (which >= 0xf8) pair = (which & 1) != 0 ? raw_text(input) : "X-org.example.Key" + std::to_string(which);
  if (which != 0xff) pair.push_back('=');
  pair += next_value(input, info);
  if (which != 0xfe) pair.push_back('\0');
  return pair;
}

inline std::string next_pairs(Input& input, std::size_t most) {
  std::string text;
  for (std::size_t i = input.byte() % (most + 1); i > 0; --i) text += next_pair(input);
  return text;
}
