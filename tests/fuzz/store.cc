// Fuzzes what outboardd reads back at its start: config.toml and the file of secrets, damaged in any way, or sealed
// anew around any text. It is an error or the same configuration after being saved and loaded again; never a crash,
// never silently an empty configuration.
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/log.h"
#include "ctl/config/check.h"
#include "ctl/store.h"
#include "tests/fuzz/config_grammar.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"
#include "tests/unit/ctl/temporary_directory.h"

namespace {

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

void write(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
}

// A seal that opens fits exactly what it was put on.
void check_seal(std::string_view kind, const std::string& text) {
  const auto opened = ctl::unseal(kind, text);
  if (!opened.has_value()) return;
  REQUIRE(ctl::seal(kind, opened->generation, opened->secrets, opened->body) == text);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TemporaryDirectory parent;
  const std::string directory = parent / "state";
  Input input(data, size);
  const std::uint8_t how = input.byte();
  const std::uint64_t generation = input.byte(), number = input.byte() & 3u;
  const bool grammatical = (how & 16) != 0;
  std::string secrets = grammatical ? grammar::make_secrets(input) : text_of(input.bytes(input.word()));
  std::string config = grammatical ? grammar::make_config(input) : text_of(input.bytes(input.left()));
  check_seal("secrets", secrets);
  check_seal("configuration", config);
  if ((how & 1) != 0) config = ctl::seal("configuration", generation, number, config);
  if ((how & 2) != 0) secrets = ctl::seal("secrets", generation, (how & 4) != 0 ? generation : number, secrets);

  std::filesystem::remove_all(directory);
  {
    const auto made = ctl::Store::open(directory);
    REQUIRE(made.has_value());
    const auto nothing = (*made)->load();
    REQUIRE(nothing.has_value() && !nothing->has_value());
  }
  if ((how & 8) == 0) write(directory + "/config.toml", config);
  write(directory + "/lock", "stored\n");
  write(directory + "/secrets." + std::to_string(number) + ".toml", secrets);
  auto store = ctl::Store::open(directory);
  REQUIRE(store.has_value());
  const auto loaded = (*store)->load();
  REQUIRE(!loaded.has_value() || loaded->has_value());  // something was stored here: nothing is not an answer
  if (!loaded.has_value()) return 0;
  REQUIRE(ctl::find_problems(**loaded).empty());
  REQUIRE((*store)->save(**loaded).has_value());
  REQUIRE((*store)->generation() == generation + 1);
  store->reset();
  const auto again = ctl::Store::open(directory);
  REQUIRE(again.has_value());
  const auto reloaded = (*again)->load();
  REQUIRE(reloaded.has_value() && *reloaded == *loaded);
  return 0;
}
