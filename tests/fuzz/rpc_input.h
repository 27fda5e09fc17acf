// JSON-RPC calls made of an input's bytes: methods of the table with parameters of the types that they take, mostly
// with names that are there; batches, notifications, and calls that are not quite right.
#pragma once

#include <string>

#include "ctl/rpc/methods.h"
#include "tests/fuzz/config_grammar.h"

namespace rpc_input {

inline constexpr std::string_view kWords[] = {"disk0",
                                              "alice",
                                              "iqn.2026-01.test:disk",
                                              "127.0.0.1:3260",
                                              "fc0",
                                              "hosts",
                                              "front",
                                              "disk1",
                                              "bob",
                                              "iqn.2026-01.test:new",
                                              "[::1]:3261",
                                              "0000:3b:00.0",
                                              "",
                                              "*",
                                              "port",
                                              "session",
                                              "lu",
                                              "29/00",
                                              "/srv/a",
                                              "192.0.2.7:3260",
                                              "outboard",
                                              "21:00:00:24:ff:00:00:01",
                                              "x\ny",
                                              "6024f42000000000aabbccddeeff0011",
                                              "sha256",
                                              "1",
                                              "2",
                                              "\xff"};

inline ctl::Json wrong_value(Input& input) {
  switch (input.byte() & 7) {
    case 0:
      return nullptr;
    case 1:
      return raw_text(input);
    case 2:
      return next_number(input);
    case 3:
      return -static_cast<std::int64_t>(input.word());
    case 4:
      return 1.5;
    case 5:
      return ctl::Json::array({1, "x"});
    case 6:
      return ctl::Json::object({{"a", 1}});
    default:
      return true;
  }
}

inline ctl::Json next_value(Input& input, const ctl::Param& param) {
  using enum ctl::ParamType;
  const std::uint8_t how = input.byte();
  if (how >= 0xf8) return wrong_value(input);
  switch (param.type) {
    case kText:
      return pick(input, kWords);
    case kChoice:
      return pick_of(param.choices, how);
    case kInteger: {
      const std::int64_t numbers[] = {param.least, param.most, 1, 0, param.least + 1, param.most / 2, 2, -1};
      return numbers[how & 7];
    }
    case kFlag:
      return (how & 1) != 0;
    case kSize:
      return pick_of("1MiB|2MiB|4096|64 KiB|0|x|99999PiB", how);
    case kDuration:
      return pick_of("1s|0s|15s|1500ms|60s|61s|-1s|x", how);
    case kList: {
      ctl::Json list = ctl::Json::array();
      for (std::uint8_t i = how & 3; i > 0; --i) list.push_back(pick(input, kWords));
      return list;
    }
    case kSecret:
      return pick_of("a-long-enough-secret|another-word-for-it|short|[alice]\nsecret = \"staple-in-the-wall\"", how);
    case kFile:
      return grammar::make_config(input);
  }
  return nullptr;
}

inline ctl::Json next_call(Input& input, int id) {
  const auto table = ctl::methods();
  const ctl::Method& method = table[input.byte() % table.size()];
  const std::uint8_t how = input.byte();
  ctl::Json call = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method.name}};
  ctl::Json params = ctl::Json::object();
  for (const ctl::Param& param : method.params) {
    const bool there = param.use == ctl::Param::kOptional ? (input.byte() & 3) == 3 : (how & 0xf0) != 0xf0;
    if (there) params[param.name] = next_value(input, param);
  }
  if ((how & 1) != 0 || !params.empty()) call["params"] = params;
  switch (how >> 1 & 31) {  // seldom: what a client does wrong
    case 1:
      call.erase("id");
      break;
    case 2:
      call["id"] = wrong_value(input);
      break;
    case 3:
      call["jsonrpc"] = "1.0";
      break;
    case 4:
      call["method"] = wrong_value(input);
      break;
    case 5:
      call["params"] = wrong_value(input);
      break;
    case 6:
      call["params"][raw_text(input)] = 1;
      break;
    case 7:
      call["more"] = 1;
      break;
    default:
      break;
  }
  return call;
}

inline std::string dumped(const ctl::Json& json) {
  return json.dump(-1, ' ', false, ctl::Json::error_handler_t::ignore) + "\n";
}

// One line a call.
inline std::string make_conversation(Input& input) {
  std::string said;
  for (int id = 1; id <= 32 && !input.empty(); ++id) {
    const std::uint8_t how = input.byte();
    if (how < 0xe0) {
      said += dumped(next_call(input, id));
      continue;
    }
    if (how < 0xf0) {
      ctl::Json batch = ctl::Json::array();
      for (std::uint8_t i = how & 7; i > 0; --i) batch.push_back(next_call(input, ++id));
      if ((how & 8) != 0) batch.push_back(wrong_value(input));
      said += dumped(batch);
      continue;
    }
    said += (how & 1) != 0 ? raw_text(input) + "\n" : dumped(wrong_value(input));
  }
  return said;
}

}  // namespace rpc_input
