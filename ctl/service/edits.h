// Small helpers for edits of lists in a configuration.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/result.h"

namespace ctl {

template <class Item>
base::Result<Item*> find_named(std::vector<Item>& items, const char* noun, const std::string& name) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.name == name; });
  if (found == items.end()) return base::fail(base::Errc::kNotFound, fmt::format("there is no {} \"{}\"", noun, name));
  return &*found;
}

template <class Item>
base::Result<void> add_named(std::vector<Item>& items, const char* noun, Item item) {
  if (find_named(items, noun, item.name)) {
    return base::fail(base::Errc::kExists, fmt::format("{} \"{}\" is there already", noun, item.name));
  }
  items.push_back(std::move(item));
  return {};
}

template <class Item>
base::Result<void> remove_named(std::vector<Item>& items, const char* noun, const std::string& name) {
  const Item* const item = TRY(find_named(items, noun, name));
  items.erase(items.begin() + (item - items.data()));
  return {};
}

// An empty word stands for an empty list: `--initiators ""`.
inline std::vector<std::string> words(std::vector<std::string> list) {
  std::erase(list, "");
  return list;
}

}  // namespace ctl
