// Stamps and sets of stamps.
#include "tests/sim/medium_oracle.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

std::byte MediumOracle::byte_of(Stamp stamp, std::uint32_t lba, std::size_t at) {
  if (stamp == 0) return std::byte{0};
  const std::uint64_t mixed = (std::uint64_t{stamp} << 32 | lba) * 0x9e3779b97f4a7c15u + at * 0xbf58476d1ce4e5b9u;
  return static_cast<std::byte>(mixed >> 56);
}

void MediumOracle::fill(std::span<std::byte> data, Stamp stamp, std::uint32_t lba) const {
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = byte_of(stamp, lba + static_cast<std::uint32_t>(i / block_size_), i % block_size_);
  }
}

MediumOracle::Stamp MediumOracle::write_begins(std::uint32_t lba, std::uint32_t blocks) {
  const Stamp stamp = ++last_stamp_;
  writes_[stamp] = {lba, blocks, ++time_};
  for (std::uint32_t at = lba; at != lba + blocks; ++at) {
    may_hold_[at].insert(stamp);
    for (auto& [id, read] : reads_) {
      if (at >= read.lba && at - read.lba < read.may_return.size()) read.may_return[at - read.lba].insert(stamp);
    }
  }
  return stamp;
}

// What another write left may still be there after `than` only if it was not over before that began.
bool MediumOracle::may_be_later(Stamp other, const Write& than) const {
  const auto found = writes_.find(other);
  if (than.before.count(other) != 0) return false;
  return found != writes_.end() && found->second.over > than.began;
}

void MediumOracle::write_is_good(Stamp stamp, const std::set<Stamp>& before) {
  Write& write = writes_.at(stamp);
  write.over = ++time_;
  write.good = true;
  write.before = before;
  for (std::uint32_t at = write.lba; at != write.lba + write.blocks; ++at) {
    std::erase_if(may_hold_[at], [&](Stamp other) { return other != stamp && !may_be_later(other, write); });
  }
}

void MediumOracle::write_never_began(Stamp stamp) {
  const Write& write = writes_.at(stamp);
  for (std::uint32_t at = write.lba; at != write.lba + write.blocks; ++at) may_hold_[at].erase(stamp);
  writes_.erase(stamp);
}

void MediumOracle::write_is_over(Stamp stamp) { writes_.at(stamp).over = ++time_; }

std::uint32_t MediumOracle::read_begins(std::uint32_t lba, std::uint32_t blocks) {
  Read& read = reads_[++last_read_];
  read.lba = lba;
  read.may_return.assign(may_hold_.begin() + lba, may_hold_.begin() + lba + blocks);
  return last_read_;
}

// What was there before a write that was over, and GOOD, before the read began, cannot be read any more.
std::set<MediumOracle::Stamp> MediumOracle::candidates(const Read& read, std::size_t block,
                                                       const std::set<Stamp>& before) const {
  std::set<Stamp> all = read.may_return[block];
  const std::uint32_t lba = read.lba + static_cast<std::uint32_t>(block);
  for (const Stamp stamp : before) {
    const auto found = writes_.find(stamp);
    if (found == writes_.end() || !found->second.good) continue;
    const Write& write = found->second;
    if (lba < write.lba || lba - write.lba >= write.blocks) continue;
    std::erase_if(all, [&](Stamp other) { return other != stamp && !may_be_later(other, write); });
  }
  return all;
}

std::string MediumOracle::read_is_good(std::uint32_t id, std::span<const std::byte> data,
                                       const std::set<Stamp>& before) {
  const Read read = std::move(reads_.at(id));
  reads_.erase(id);
  if (data.size() > read.may_return.size() * block_size_) return fmt::format("{} bytes", data.size());
  std::set<Stamp> stamps;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i % block_size_ == 0) stamps = candidates(read, i / block_size_, before);
    const auto lba = read.lba + static_cast<std::uint32_t>(i / block_size_);
    const bool known = std::any_of(stamps.begin(), stamps.end(),
                                   [&](Stamp stamp) { return data[i] == byte_of(stamp, lba, i % block_size_); });
    if (known) continue;
    return fmt::format("byte {} of block {} is of none of the writes {}", i % block_size_, lba, fmt::join(stamps, " "));
  }
  return {};
}

}  // namespace sim
