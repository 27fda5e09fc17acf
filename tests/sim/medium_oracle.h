// What each block of a medium may hold, given the writes and what became of them.
//
// A write whose end is known to be GOOD is what its blocks hold, unless another write overlapped it in time. One that
// was aborted, or failed, or whose answer was lost may have reached the medium, in part too (data go to a RAM disk's
// pages as they come), until it is known to be over; one that is known not to have begun has not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sim {

class MediumOracle {
 public:
  using Stamp = std::uint32_t;  // names a write; 0: zeros, as on a new medium
  MediumOracle(std::uint32_t block_size, std::uint32_t blocks) : block_size_(block_size), may_hold_(blocks, {0}) {}

  std::uint32_t block_size() const { return block_size_; }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(may_hold_.size()); }
  void fill(std::span<std::byte> data, Stamp stamp, std::uint32_t lba) const;  // what the write carries

  Stamp write_begins(std::uint32_t lba, std::uint32_t blocks);
  // `before`: writes that were over before this one, or the read, began, whatever else is known of them.
  void write_is_good(Stamp stamp, const std::set<Stamp>& before = {});
  void write_never_began(Stamp stamp);
  void write_is_over(Stamp stamp);  // it may have done anything, and does no more

  std::uint32_t read_begins(std::uint32_t lba, std::uint32_t blocks);
  void read_is_lost(std::uint32_t read) { reads_.erase(read); }
  // Empty if the data are what they may be, else what is wrong. They may be fewer than the blocks.
  std::string read_is_good(std::uint32_t read, std::span<const std::byte> data, const std::set<Stamp>& before = {});

 private:
  static constexpr std::uint64_t kRunning = ~std::uint64_t{0};
  struct Write {
    std::uint32_t lba, blocks;
    std::uint64_t began, over = kRunning;
    bool good = false;
    std::set<Stamp> before = {};
  };
  struct Read {
    std::uint32_t lba;
    std::vector<std::set<Stamp>> may_return;
  };
  static std::byte byte_of(Stamp stamp, std::uint32_t lba, std::size_t at);
  bool may_be_later(Stamp other, const Write& than) const;
  std::set<Stamp> candidates(const Read& read, std::size_t block, const std::set<Stamp>& before) const;

  std::uint32_t block_size_;
  std::vector<std::set<Stamp>> may_hold_;
  std::map<Stamp, Write> writes_;
  std::map<std::uint32_t, Read> reads_;
  Stamp last_stamp_ = 0;
  std::uint32_t last_read_ = 0;
  std::uint64_t time_ = 0;  // counts events
};

}  // namespace sim
