// Rates and their table.
#include "ctl/tgtctl/top.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/histogram.h"
#include "ctl/tgtctl/table.h"

namespace ctl {
namespace {

double number(const Json& row, const char* key) {
  const Json value = row.value(key, Json(0));
  return value.is_number() ? value.get<double>() : 0;
}

std::string text(const Json& row, const char* key) {
  const Json value = row.value(key, Json());
  return value.is_string() ? value.get<std::string>() : value.is_number() ? print_json(value) : std::string();
}

using Key = std::tuple<std::string, std::string, std::string>;
Key key_of(const Json& row) { return {text(row, "kind"), text(row, "id"), text(row, "name")}; }

base::HistogramCounts counts_of(const Json& row, const char* kind) {
  base::HistogramCounts counts(base::Histogram::kBuckets);
  for (const Json& bucket : row.value(kind, Json::object()).value("buckets", Json::array())) {
    if (!bucket.is_array() || bucket.size() != 2 || !bucket[0].is_number() || !bucket[1].is_number()) continue;
    const base::Duration end(std::max<std::int64_t>(bucket[0].get<std::int64_t>(), 1));
    counts[base::Histogram::bucket(end - base::Duration(1))] += bucket[1].get<std::uint64_t>();
  }
  return counts;
}

base::HistogramCounts since(const Json& before, const Json& after, const char* kind) {
  const base::HistogramCounts old = counts_of(before, kind);
  base::HistogramCounts counts = counts_of(after, kind);
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] -= std::min(counts[i], old[i]);
  return counts;
}

void add_quantiles(Json& rates, const std::string& prefix, const base::HistogramCounts& counts) {
  rates[prefix + "p50_ns"] = base::quantile(counts, 0.5).count();
  rates[prefix + "p99_ns"] = base::quantile(counts, 0.99).count();
  rates[prefix + "p999_ns"] = base::quantile(counts, 0.999).count();
}

Json rates_of(const Json& before, const Json& after, double seconds) {
  const auto rate = [&](const char* key) { return std::max(0.0, number(after, key) - number(before, key)) / seconds; };
  Json out = {{"kind", text(after, "kind")},
              {"name", text(after, "name")},
              {"read_iops", rate("reads")},
              {"write_iops", rate("writes")},
              {"other_iops", rate("others")},
              {"read_bytes_per_s", rate("read_bytes")},
              {"write_bytes_per_s", rate("write_bytes")},
              {"errors_per_s", rate("errors")},
              {"in_flight", number(after, "in_flight")}};
  out["iops"] = number(out, "read_iops") + number(out, "write_iops") + number(out, "other_iops");
  if (after.contains("id")) out["id"] = after["id"];
  if (after.contains("target")) out["target"] = after["target"];
  const base::HistogramCounts reads = since(before, after, "read_latency");
  const base::HistogramCounts writes = since(before, after, "write_latency");
  base::HistogramCounts both = reads;
  base::add(both, writes);
  add_quantiles(out, "", both);
  add_quantiles(out, "read_", reads);
  add_quantiles(out, "write_", writes);
  return out;
}

double rank(const Json& row, TopSort sort) {
  switch (sort) {
    case TopSort::kIops:
      return number(row, "iops");
    case TopSort::kThroughput:
      return number(row, "read_bytes_per_s") + number(row, "write_bytes_per_s");
    case TopSort::kLatency:
      return number(row, "p99_ns");
    case TopSort::kErrors:
      return number(row, "errors_per_s");
    case TopSort::kName:
      break;
  }
  return 0;
}

int place_of(const Json& row) {
  const std::string kind = text(row, "kind");
  return kind == "port" ? 0 : kind == "session" ? 1 : 2;
}

}  // namespace

Json rates_between(const Json& before, const Json& after, double seconds) {
  std::map<Key, const Json*> old;
  for (const Json& row : before) old[key_of(row)] = &row;
  Json out = Json::array();
  for (const Json& row : after) {
    const auto found = old.find(key_of(row));
    out.push_back(rates_of(found == old.end() ? Json::object() : *found->second, row, std::max(seconds, 1e-3)));
  }
  return out;
}

void sort_rates(Json& rates, TopSort sort) {
  std::stable_sort(rates.begin(), rates.end(), [&](const Json& a, const Json& b) {
    return std::tuple(place_of(a), -rank(a, sort), key_of(a)) < std::tuple(place_of(b), -rank(b, sort), key_of(b));
  });
}

std::string format_rates(const Json& rates) {
  std::vector<std::vector<std::string>> rows = {{"OF", "NAME", "SESSION", "IOPS", "READ/S", "WRITE/S", "READ B/S",
                                                 "WRITE B/S", "P50", "P99", "P99.9", "ERRORS/S", "IN FLIGHT"}};
  for (const Json& row : rates) {
    const std::string id = text(row, "id");
    rows.push_back({text(row, "kind"), text(row, "name"), id.empty() ? "-" : id, short_number(number(row, "iops")),
                    short_number(number(row, "read_iops")), short_number(number(row, "write_iops")),
                    short_bytes(number(row, "read_bytes_per_s")), short_bytes(number(row, "write_bytes_per_s")),
                    short_time(number(row, "p50_ns")), short_time(number(row, "p99_ns")),
                    short_time(number(row, "p999_ns")), short_number(number(row, "errors_per_s")),
                    short_number(number(row, "in_flight"))});
  }
  return format_table(rows);
}

}  // namespace ctl
