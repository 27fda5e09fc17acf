// A machine of a test's own for imports: media, adapters and files that it names.
#pragma once

#include <fnmatch.h>

#include <map>
#include <string>
#include <vector>

#include "ctl/import/machine_facts.h"

class FakeFacts final : public ctl::MachineFacts {
 public:
  std::map<std::string, ctl::MediumFacts> media;
  std::map<std::string, std::string> disks, adapters, texts;

  std::optional<ctl::MediumFacts> medium(const std::string& path) const override {
    const auto found = media.find(path);
    return found == media.end() ? std::nullopt : std::optional(found->second);
  }
  std::string scsi_disk(const std::string& address) const override { return value(disks, address); }
  std::string fc_device(const std::string& wwpn) const override { return value(adapters, wwpn); }
  base::Result<std::string> read(const std::string& path, std::size_t) const override {
    if (!texts.contains(path)) return base::fail(base::Errc::kNotFound, path);
    return texts.at(path);
  }
  std::vector<std::string> files(const std::string& pattern) const override {
    std::vector<std::string> out;
    for (const auto& [path, text] : texts) {
      if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0) out.push_back(path);
    }
    return out;
  }

 private:
  static std::string value(const std::map<std::string, std::string>& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::string() : found->second;
  }
};
