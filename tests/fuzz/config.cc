// Fuzzes the configuration file and the file of secrets: any text, or one made by their grammar. Anything may be
// refused, with every fault at its place and no secret in it; what is accepted keeps the rules, can be given to the
// fabric, and is the same after being written and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "ctl/config/check.h"
#include "ctl/config/diff.h"
#include "ctl/config/toml.h"
#include "tests/fuzz/config_grammar.h"
#include "tests/support/require.h"

namespace {

constexpr std::string_view kMark = "\n#secrets\n";  // between the two files of an input
constexpr std::uint8_t kMade = 1;                   // first byte of one that the grammar reads

// Every line of an error names its file and place.
void check_error(const base::Error& error) {
  REQUIRE(!error.text.empty());
  std::string_view left = error.text;
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    REQUIRE(line.starts_with("one:") || line.starts_with("two:"));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
  }
}

void check_accepted(const ctl::Config& config) {
  REQUIRE(ctl::find_problems(config).empty() && ctl::check(config).has_value());
  ctl::Config broken = config;
  broken.users.emplace_back();  // without a name
  REQUIRE(!ctl::check(broken).has_value());
  REQUIRE(ctl::diff(config, config).empty());
  const std::string written = ctl::write_config(config), secrets = ctl::write_secrets(config);
  const auto again = ctl::parse_config(written, "written", {secrets, "secrets"});
  if (!again.has_value()) std::fprintf(stderr, "%s\n%s\n", again.error().text.c_str(), written.c_str());
  REQUIRE(again.has_value());
  REQUIRE(*again == config);
  for (const ctl::User& user : config.users) {
    REQUIRE(user.secret.size() >= 12);
    // A secret may happen to be a word that stands there anyway.
    if (user.secret.size() > 40) REQUIRE(written.find(user.secret.reveal()) == std::string::npos);
  }
  // The change from nothing to this, and back, can be shown.
  for (const auto& changes : {ctl::diff({}, config), ctl::diff(config, {})}) {
    for (const ctl::Change& change : changes) REQUIRE(!ctl::format_change(change).empty());
  }
}

// The grammar has every key that is read, so that none is left to chance when one is added.
void check_grammar() {
  const auto named = [](grammar::Entry entry, std::string_view key) {
    const auto found = std::find_if(entry.begin(), entry.end(), [&](const grammar::Field& field) {
      return field.key.substr(field.key.starts_with('!') ? 1 : 0) == key;
    });
    if (found == entry.end()) std::fprintf(stderr, "the grammar lacks %s\n", std::string(key).c_str());
    REQUIRE(found != entry.end());
    return *found;
  };
  for (const ctl::KnownSection& section : ctl::known_sections()) {
    const grammar::Field field = named(grammar::config(), section.name);
    for (const std::string& key : section.keys) (void)named(field.inner(), key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  check_grammar();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Blocks of their own, so that a sanitizer sees every step beyond the end.
  std::string one, two;
  if (size != 0 && data[0] == kMade) {
    Input input(data + 1, size - 1);
    two = grammar::make_secrets(input);
    one = grammar::make_config(input);
  } else {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const std::size_t mark = all.find(kMark);
    one = all.substr(0, mark);
    if (mark != std::string_view::npos) two = all.substr(mark + kMark.size());
  }
  const auto config = ctl::parse_config(one, "one", {two, "two"});
  if (!config.has_value()) {
    check_error(config.error());
    return 0;
  }
  check_accepted(*config);
  // The same text over what is in force changes nothing: secrets are kept.
  const auto over = ctl::parse_config(one, "one", {}, &*config);
  REQUIRE(over.has_value() && *over == *config);
  return 0;
}
