// Choosing cores by hwloc's view of the machine.
#include "ctl/outboardd/cores.h"

#include <hwloc.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

namespace ctl {
namespace {

constexpr int kMaxCore = 4095;

struct TopologyDeleter {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

struct BitmapDeleter {
  void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, BitmapDeleter>;

base::Result<Topology> load_topology() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return base::fail_errno("hwloc");
  Topology topology(raw);
  if (hwloc_topology_load(raw) != 0) return base::fail_errno("hwloc");
  return topology;
}

// Processing units in groups, one group for each physical core; only those that this process may run on.
base::Result<std::vector<std::vector<int>>> usable_units() {
  const Topology topology = TRY(load_topology());
  const Bitmap allowed(hwloc_bitmap_alloc());
  if (hwloc_get_cpubind(topology.get(), allowed.get(), HWLOC_CPUBIND_PROCESS) != 0) {
    return base::fail_errno("hwloc: which cores this process may use");
  }
  std::vector<std::vector<int>> cores;
  for (hwloc_obj_t core = nullptr;
       (core = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_CORE, core)) != nullptr;) {
    std::vector<int> units;
    for (int unit = hwloc_bitmap_first(core->cpuset); unit >= 0; unit = hwloc_bitmap_next(core->cpuset, unit)) {
      if (hwloc_bitmap_isset(allowed.get(), static_cast<unsigned>(unit)) != 0) units.push_back(unit);
    }
    if (!units.empty()) cores.push_back(std::move(units));
  }
  if (cores.empty()) return base::fail(base::Errc::kUnsupported, "hwloc finds no core that this process may use");
  return cores;
}

}  // namespace

base::Result<std::vector<int>> parse_cores(const std::string& text) {
  std::vector<int> out;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto wrong = [&] {
    return base::fail(base::Errc::kInvalid, "\"" + text + "\" is not a list of cores such as 0-3,8");
  };
  for (;;) {
    int first = 0, last = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc() || first < 0 || first > kMaxCore) return wrong();
    last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc() || last < first || last > kMaxCore) return wrong();
    }
    for (int core = first; core <= last; ++core) out.push_back(core);
    if (parsed.ptr == end) break;
    if (*parsed.ptr != ',') return wrong();
    at = parsed.ptr + 1;
  }
  if (std::set<int>(out.begin(), out.end()).size() != out.size()) return wrong();
  return out;
}

base::Result<std::vector<int>> choose_cores(std::size_t count) {
  const auto cores = TRY(usable_units());
  std::vector<int> order;
  for (std::size_t sibling = 0, found = 1; found > 0; ++sibling) {
    found = 0;
    for (const std::vector<int>& units : cores) {
      if (sibling >= units.size()) continue;
      order.push_back(units[sibling]);
      ++found;
    }
  }
  if (count == 0) count = cores.size();
  if (count > order.size()) {
    return base::fail(base::Errc::kInvalid, "only " + std::to_string(order.size()) + " cores can be used");
  }
  order.resize(count);
  return order;
}

base::Result<void> check_cores(const std::vector<int>& cores) {
  std::set<int> usable;
  for (const std::vector<int>& units : TRY(usable_units())) usable.insert(units.begin(), units.end());
  for (const int core : cores) {
    if (!usable.contains(core))
      return base::fail(base::Errc::kInvalid, "core " + std::to_string(core) + " cannot be used");
  }
  return {};
}

}  // namespace ctl
