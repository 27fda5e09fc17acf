// Unit tests of parameters and of the table of methods.
#include "ctl/rpc/params.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "ctl/rpc/methods.h"

namespace ctl {
namespace {

constexpr Param kTable[] = {
    {"name", ParamType::kText, Param::kPositional, "a name"},
    {"kind", ParamType::kChoice, Param::kOptional, "a kind", "ram|file"},
    {"count", ParamType::kInteger, Param::kOptional, "a count", nullptr, 1, 9},
    {"on", ParamType::kFlag, Param::kOptional, "a flag"},
    {"size", ParamType::kSize, Param::kOptional, "a size"},
    {"time", ParamType::kDuration, Param::kOptional, "a time"},
    {"list", ParamType::kList, Param::kOptional, "a list"},
    {"secret", ParamType::kSecret, Param::kOptional, "a secret"},
};

std::string error_of(const char* json) {
  const auto params = Params::from_json(kTable, parse_json(json).value());
  return params ? std::string() : params.error().text;
}

TEST(Params, ValuesByType) {
  const auto params = Params::from_json(
      kTable, parse_json(R"({"name":"n","kind":"file","count":3,"on":true,"size":"1KiB","time":"2s","list":["a","b"],)"
                         R"("secret":"sssh"})")
                  .value());
  ASSERT_TRUE(params) << params.error().text;
  EXPECT_EQ(params->text("name"), "n");
  EXPECT_EQ(params->integer("count"), 3);
  EXPECT_TRUE(params->flag("on"));
  EXPECT_EQ(params->size("size"), 1024u);
  EXPECT_EQ(params->duration("time"), std::chrono::seconds(2));
  EXPECT_EQ(params->list("list").size(), 2u);
  EXPECT_EQ(params->secret("secret").reveal(), "sssh");
  EXPECT_EQ(params->describe(), "count=3 kind=file list=a,b name=n on=true size=1024 time=2000000000");
}

TEST(Params, WhatIsAbsentOrNullIsEmpty) {
  const auto params = Params::from_json(kTable, parse_json(R"({"name":"n","count":null})").value());
  ASSERT_TRUE(params);
  EXPECT_FALSE(params->has("count"));
  EXPECT_EQ(params->integer("count"), 0);
  EXPECT_TRUE(params->list("list").empty());
}

TEST(Params, Refusals) {
  EXPECT_EQ(error_of("[]"), "parameters are given by name, in an object");
  EXPECT_EQ(error_of("{}"), "name is missing");
  EXPECT_EQ(error_of(R"({"name":"n","x\u0007":1})"), "unknown parameter \"x\\x07\"");
  EXPECT_EQ(error_of(R"({"name":1})"), "name must be text");
  EXPECT_EQ(error_of(R"({"name":"n","kind":"fil"})"), "kind must be one of ram|file");
  EXPECT_EQ(error_of(R"({"name":"n","kind":""})"), "kind must be one of ram|file");
  EXPECT_EQ(error_of(R"({"name":"n","count":0})"), "count must be 1 to 9");
  EXPECT_EQ(error_of(R"({"name":"n","count":1.5})"), "count must be a whole number");
  EXPECT_EQ(error_of(R"({"name":"n","count":18446744073709551615})"), "count is too large");
  EXPECT_EQ(error_of(R"({"name":"n","on":"true"})"), "on must be true or false");
  EXPECT_EQ(error_of(R"({"name":"n","size":-1})"), "size must be 0 to 9223372036854775807");
  EXPECT_EQ(error_of(R"({"name":"n","size":"many"})"), "size is not a number with a unit");
  EXPECT_EQ(error_of(R"({"name":"n","time":5})"), "time must be a duration such as \"15s\"");
  EXPECT_EQ(error_of(R"({"name":"n","list":["a",1]})"), "list must be a list of text");
  EXPECT_EQ(error_of(R"({"name":"n","secret":["hunter2hunter2"]})"), "secret must be text");
}

TEST(Methods, TheTableIsInOrder) {
  std::set<std::string> names;
  for (const Method& method : methods()) {
    EXPECT_TRUE(names.insert(method.name).second) << method.name << " is there twice";
    EXPECT_TRUE(std::regex_match(method.name, std::regex("[a-z_]+(\\.[a-z_]+)?"))) << method.name;
    EXPECT_NE(method.handler, nullptr) << method.name;
    EXPECT_EQ(find_method(method.name), &method);
    std::set<std::string> params;
    bool only_named = false;  // after the first parameter that is not positional
    for (const Param& param : method.params) {
      EXPECT_TRUE(params.insert(param.name).second) << method.name << ": " << param.name << " is there twice";
      EXPECT_GT(std::string(param.help).size(), 4u) << method.name << ": " << param.name;
      EXPECT_EQ(param.choices != nullptr, param.type == ParamType::kChoice) << method.name << ": " << param.name;
      EXPECT_FALSE(only_named && param.use == Param::kPositional) << method.name << ": " << param.name;
      only_named |= param.use != Param::kPositional;
      EXPECT_TRUE(param.type != ParamType::kInteger || param.least < param.most) << method.name << ": " << param.name;
    }
  }
  EXPECT_EQ(find_method("lu"), nullptr);
}

TEST(Json, DepthIsLimitedBeforeParsing) {
  EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']')));
  EXPECT_FALSE(parse_json(std::string(33, '[') + std::string(33, ']')));
  EXPECT_FALSE(parse_json(std::string(1 << 20, '[')));
  EXPECT_TRUE(parse_json('"' + std::string(100, '[') + "\\\"" + std::string(100, '{') + '"'));
}

TEST(Json, BytesThatAreNotUtf8ArePrintedAnyway) { EXPECT_EQ(print_json(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

}  // namespace
}  // namespace ctl
