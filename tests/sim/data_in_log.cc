// Keeping of Data-In numbers.
#include "tests/sim/data_in_log.h"

#include <algorithm>

namespace sim {

const char* DataInLog::add(std::uint32_t data_sn, std::uint32_t offset, std::span<const std::byte> data,
                           std::vector<std::byte>& buffer) {
  if (offset > buffer.size() || data.size() > buffer.size() - offset) return "Data-In beyond what was asked for";
  const auto length = static_cast<std::uint32_t>(data.size());
  const auto place = buffer.begin() + offset;
  const auto known = pieces_.find(data_sn);
  if (known != pieces_.end()) {
    const bool same = known->second.offset == offset && known->second.length == length;
    return same && std::equal(data.begin(), data.end(), place) ? nullptr : "a Data-In that came again is no replica";
  }
  const auto later = pieces_.upper_bound(data_sn);
  if (later != pieces_.end() && offset + length > later->second.offset) return "Data-In overlaps a later one";
  if (later != pieces_.begin()) {
    const auto& [number, before] = *std::prev(later);
    if (offset < before.offset + before.length) return "Data-In overlaps an earlier one";
    if (number + 1 == data_sn && offset != before.offset + before.length) return "Data-In leaves a hole";
  } else if (data_sn == 0 && offset != 0) {
    return "the first Data-In is not the first of the buffer";
  }
  pieces_[data_sn] = {offset, length};
  std::copy(data.begin(), data.end(), place);
  return nullptr;
}

std::uint32_t DataInLog::next() const {
  std::uint32_t number = 0;
  for (const auto& [data_sn, piece] : pieces_) {
    if (data_sn != number) break;
    ++number;
  }
  return number;
}

std::uint32_t DataInLog::end() const { return pieces_.empty() ? 0 : pieces_.rbegin()->first + 1; }

std::uint64_t DataInLog::bytes() const {
  std::uint64_t all = 0;
  for (const auto& [data_sn, piece] : pieces_) all += piece.length;
  return all;
}

DataInLog::Run DataInLog::missing(std::uint32_t before) const {
  const std::uint32_t first = next();
  std::uint32_t end = first;
  while (end < before && pieces_.count(end) == 0) ++end;
  return {first, end - first};
}

}  // namespace sim
