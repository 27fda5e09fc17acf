// What an import could not take over: where it stands, what it is, why, and what happens instead.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace ctl {

inline constexpr const char* kFewerConnections = "a session has at most 8 connections";
inline constexpr const char* kNoSetting = "Outboard has no such setting";  // why something is lost

struct Place {
  std::string file;
  unsigned line = 0;  // 0: not known
  std::string path;   // "targets[0].tpgs[0]", "target iqn.2026-01.org.example:a"
};

struct Finding {
  Place place;
  std::string what, why, instead;  // parts of one sentence; may hold any bytes of names, never a secret
};

std::string format_place(const Place& place);      // "scst.conf:12: TARGET_DRIVER iscsi"
std::string format_finding(const Finding& found);  // one line

class Findings {
 public:
  void add(Place place, std::string what, std::string why, std::string instead) {
    if (list_.size() < kMost) {
      list_.push_back({std::move(place), std::move(what), std::move(why), std::move(instead)});
    } else {
      ++unlisted_;
    }
  }
  const std::vector<Finding>& list() const { return list_; }
  std::size_t unlisted() const { return unlisted_; }

 private:
  static constexpr std::size_t kMost = 2000;
  std::vector<Finding> list_;
  std::size_t unlisted_ = 0;
};

}  // namespace ctl
