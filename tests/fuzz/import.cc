// Fuzzes the readers of other targets' configurations: the first byte chooses the format, and whether the text is the
// input's as it is or made by the format's grammar. Any text may be refused; what
// is accepted keeps every rule, is the same after being written and read again, and the report quotes no secret.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/log.h"
#include "ctl/config/check.h"
#include "ctl/config/toml.h"
#include "ctl/import/import.h"
#include "tests/fuzz/import_grammar.h"
#include "tests/support/fake_facts.h"
#include "tests/support/require.h"

namespace {

FakeFacts machine(const std::string& text) {
  FakeFacts facts;
  facts.media = {
      {"/a", {false, 1 << 20}}, {"/b", {false, 12345}}, {"/dev/c", {true, 1 << 20}}, {"/dev/sg1", {true, 0}}};
  facts.disks = {{"1:0:0:0", "/dev/c"}};
  facts.adapters = {{"21:00:00:24:ff:00:00:01", "0000:3b:00.0"}};
  facts.texts = {{"/i/self.conf", text.substr(0, 4096)},
                 {"/i/other.conf", "<target iqn.2000-01.x:y>\nbacking-store /a\n</target>\n"}};
  return facts;
}

void check_accepted(const ctl::Imported& imported) {
  const ctl::Config& config = imported.config;
  REQUIRE(ctl::find_problems(config).empty());
  REQUIRE(config.mapping.validate());
  const std::string written = ctl::write_config(config);
  const auto again = ctl::parse_config(written, "again", {ctl::write_secrets(config), "secrets"});
  REQUIRE(again.has_value() && *again == config);
  const std::string report = ctl::format_import(imported, "file");
  for (const char c : report) REQUIRE(c == '\n' || (c >= 0x20 && c < 0x7f));
  for (const ctl::User& user : config.users) {
    // A secret may happen to be a word that stands there anyway.
    if (user.secret.size() < 40) continue;
    REQUIRE(written.find(user.secret.reveal()) == std::string::npos);
  }
}

// A format's name as it is given to tgtctl.
void check_format_name(const std::string& name) {
  const auto format = ctl::parse_import_format(name);
  REQUIRE(!format || ctl::import_format_name(*format) == name);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ctl::ImportOptions options;
  options.format = static_cast<ctl::ImportFormat>(data[0] % 4);
  std::string text;
  if ((data[0] & 0x80) != 0) {
    Input input(data + 1, size - 1);
    const unsigned format = data[0] >> 4 & 3u;
    text = grammar::make_import(input, format);
    if ((data[0] & 0x40) != 0) options.format = ctl::ImportFormat::kAuto;
  } else {
    text.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  }
  check_format_name(text);
  check_format_name(ctl::import_format_name(options.format));
  const auto imported = ctl::import_config(text, "/i/file", options, machine(text));
  if (imported.has_value()) {
    check_accepted(*imported);
  } else {
    REQUIRE(!imported.error().text.empty());
  }
  return 0;
}
