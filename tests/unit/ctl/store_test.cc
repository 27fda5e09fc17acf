// Unit tests of the state directory: durable, private, and never half a configuration.
#include "ctl/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ctl/config/toml.h"
#include "tests/unit/ctl/example_config.h"
#include "tests/unit/ctl/temporary_directory.h"

namespace ctl {
namespace {

Config example() { return parse_config(kExampleConfig, "example", {kExampleSecrets}).value(); }

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}
void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
mode_t mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

struct StoreTest : testing::Test {
  TemporaryDirectory parent;
  std::string path = parent / "state";
  std::unique_ptr<Store> open() { return Store::open(path).value(); }
};

TEST_F(StoreTest, NothingWasEverStored) { EXPECT_EQ(open()->load().value(), std::nullopt); }

TEST_F(StoreTest, WhatWasSavedIsLoaded) {
  ASSERT_TRUE(open()->save(example()));
  const auto store = open();
  const auto loaded = store->load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(**loaded, example());
  EXPECT_EQ(store->generation(), 1u);
}

TEST_F(StoreTest, EverySaveReplacesTheOneBefore) {
  const auto store = open();
  Config config = example();
  ASSERT_TRUE(store->save(config));
  config.users[0].secret = Secret("another-secret-now");
  ASSERT_TRUE(store->save(config));
  config.targets.pop_back();
  config.mapping.views.pop_back();
  ASSERT_TRUE(store->save(config));
  EXPECT_EQ(**store->load(), config);
  EXPECT_EQ(store->generation(), 3u);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"config.toml", "lock", "secrets.2.toml"}));
}

TEST_F(StoreTest, FilesArePrivateAndSecretsSeparate) {
  const mode_t before = umask(0);
  ASSERT_TRUE(open()->save(example()));
  umask(before);
  EXPECT_EQ(mode_of(path), 0700u);
  EXPECT_EQ(mode_of(path + "/config.toml"), 0600u);
  EXPECT_EQ(mode_of(path + "/secrets.1.toml"), 0600u);
  EXPECT_EQ(read(path + "/config.toml").find(kSecretOfAlice), std::string::npos);
  EXPECT_NE(read(path + "/secrets.1.toml").find(kSecretOfAlice), std::string::npos);
}

// The rule: torn at every byte -> an error, never an empty configuration.
void expect_every_tear_found(const std::string& directory, const std::string& name) {
  const auto store = Store::open(directory).value();
  const std::string whole = read(directory + "/" + name);
  ASSERT_GT(whole.size(), 100u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write(directory + "/" + name, whole.substr(0, length));
    const auto loaded = store->load();
    ASSERT_FALSE(loaded) << name << " cut to " << length;
    ASSERT_NE(loaded.error().text.find(name), std::string::npos) << loaded.error().text;
    ASSERT_EQ(loaded.error().text.find(kSecretOfAlice), std::string::npos) << loaded.error().text;
  }
  write(directory + "/" + name, whole);
}

TEST_F(StoreTest, ATornFileIsAnError) {
  ASSERT_TRUE(open()->save(example()));
  expect_every_tear_found(path, "config.toml");
  expect_every_tear_found(path, "secrets.1.toml");
  EXPECT_TRUE(open()->load());
}

TEST_F(StoreTest, AChangedByteIsAnError) {
  const auto store = open();
  ASSERT_TRUE(store->save(example()));
  for (const char* name : {"config.toml", "secrets.1.toml"}) {
    const std::string whole = read(path + "/" + name);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      write(path + "/" + name, bad);
      ASSERT_FALSE(store->load()) << name << " byte " << at;
    }
    write(path + "/" + name, whole);
  }
}

TEST_F(StoreTest, ALostFileIsAnError) {
  ASSERT_TRUE(open()->save(example()));
  std::filesystem::rename(path + "/secrets.1.toml", path + "/kept");
  EXPECT_FALSE(open()->load());
  std::filesystem::rename(path + "/kept", path + "/secrets.1.toml");
  std::filesystem::remove(path + "/config.toml");
  const auto loaded = open()->load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("is gone"), std::string::npos);
}

TEST_F(StoreTest, SecretsOfAnotherConfigurationAreRefused) {
  ASSERT_TRUE(open()->save(example()));
  const std::string old = read(path + "/secrets.1.toml");
  Config config = example();
  config.users[0].secret = Secret("another-secret-now");
  {
    const auto store = open();
    ASSERT_TRUE(store->load());
    ASSERT_TRUE(store->save(config));
  }
  write(path + "/secrets.2.toml", old);
  const auto loaded = open()->load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("another configuration"), std::string::npos);
}

TEST_F(StoreTest, OneProcessAtATime) {
  const auto first = open();
  const auto second = Store::open(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Errc::kBusy);
}

TEST_F(StoreTest, ADirectoryThatOthersCanWriteIsRefused) {
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(chmod(path.c_str(), 0770), 0);
  EXPECT_EQ(Store::open(path).error().code, base::Errc::kDenied);
}

TEST_F(StoreTest, ASymbolicLinkIsNotFollowed) {
  ASSERT_TRUE(open()->save(example()));
  std::filesystem::rename(path + "/config.toml", path + "/real");
  std::filesystem::create_symlink("real", path + "/config.toml");
  EXPECT_FALSE(open()->load());
}

TEST_F(StoreTest, AFailedSaveLeavesTheOldConfiguration) {
  const auto store = open();
  ASSERT_TRUE(store->save(example()));
  ASSERT_EQ(mkdir((path + "/config.toml.new").c_str(), 0700), 0);  // in the way of the new file
  ASSERT_EQ(mkdir((path + "/config.toml.new/x").c_str(), 0700), 0);
  EXPECT_FALSE(store->save(Config()));
  EXPECT_EQ(**store->load(), example());
  EXPECT_EQ(store->generation(), 1u);
}

}  // namespace
}  // namespace ctl
