// Comparing entry by entry.
#include "ctl/config/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ctl/config/fields.h"

namespace ctl {
namespace {

using Key = std::pair<std::string, std::string>;  // section and name

std::string title(const Entry& entry) {
  std::string noun = entry.section;
  std::replace(noun.begin(), noun.end(), '_', ' ');
  return entry.name.empty() ? noun : noun + " " + entry.name;
}

Change addition(const Entry& entry) {
  Change change{Change::Kind::kAdd, title(entry), {}};
  if (entry.section == "view") return change;  // its name says it all
  for (const auto& [key, value] : entry.fields) {
    if (key != "name" && key != "address") change.details.push_back(fmt::format("{} = {}", key, value));
  }
  return change;
}

// What `entry` says of `key`; what is left out is at its default.
std::string value_of(const Entry& entry, const std::string& key) {
  for (const auto& [candidate, value] : entry.fields) {
    if (candidate == key) return value;
  }
  return "default";
}

std::vector<std::string> differences(const Entry& before, const Entry& after) {
  std::vector<std::string> out;
  const auto compare = [&](const std::string& key) {
    const std::string from = value_of(before, key), to = value_of(after, key);
    if (from != to) out.push_back(fmt::format("{}: {} -> {}", key, from, to));
  };
  for (const auto& [key, value] : after.fields) compare(key);
  for (const auto& [key, value] : before.fields) {
    if (value_of(after, key) == "default") compare(key);
  }
  return out;
}

void add_secret_changes(const Config& before, const Config& after, std::map<Key, Change>& modified) {
  for (const User& user : before.users) {
    const auto now =
        std::find_if(after.users.begin(), after.users.end(), [&](const User& u) { return u.name == user.name; });
    if (now == after.users.end()) continue;
    Change change{Change::Kind::kModify, "user " + user.name, {}};
    if (now->secret != user.secret) change.details.emplace_back("secret changed");
    if (now->mutual_secret != user.mutual_secret) change.details.emplace_back("mutual secret changed");
    if (change.details.empty()) continue;
    Change& all = modified.try_emplace({"user", user.name}, Change{change.kind, change.what, {}}).first->second;
    all.details.insert(all.details.end(), change.details.begin(), change.details.end());
  }
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
  const std::vector<Entry> old_entries = entries_of(before), new_entries = entries_of(after);
  std::map<Key, const Entry*> old_by_name, new_by_name;
  for (const Entry& entry : old_entries) old_by_name[{entry.section, entry.name}] = &entry;
  for (const Entry& entry : new_entries) new_by_name[{entry.section, entry.name}] = &entry;

  std::vector<Change> changes;
  std::map<Key, Change> modified;
  for (const Entry& entry : old_entries) {
    if (!new_by_name.contains({entry.section, entry.name})) {
      changes.push_back({Change::Kind::kRemove, title(entry), {}});
    }
  }
  for (const Entry& entry : new_entries) {
    const Key key{entry.section, entry.name};
    const auto old_entry = old_by_name.find(key);
    if (old_entry == old_by_name.end()) {
      changes.push_back(addition(entry));
    } else if (auto details = differences(*old_entry->second, entry); !details.empty()) {
      modified[key] = {Change::Kind::kModify, title(entry), std::move(details)};
    }
  }
  add_secret_changes(before, after, modified);
  for (auto& [key, change] : modified) changes.push_back(std::move(change));
  return changes;
}

std::string format_change(const Change& change) {
  std::string line = fmt::format("{} {}", static_cast<char>(change.kind), change.what);
  for (std::size_t i = 0; i < change.details.size(); ++i) line += (i == 0 ? ": " : ", ") + change.details[i];
  return line;
}

}  // namespace ctl
