// Blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng), little-endian, with times in nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/endian.h"

namespace base::pcapng {

enum class LinkType : std::uint16_t { kRaw = 101, kFc2 = 224 };  // IPv4 or IPv6 packets; FC-2 frames

// Appends one block to `out`; its lengths are written when it is finished.
class Block {
 public:
  Block(std::vector<std::byte>& out, std::uint32_t type) : out_(out), start_(out.size()) {
    put(le32(type));
    put(le32(0));
  }
  template <class T>
  void put(const T& value) {
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  void bytes(std::span<const std::byte> data) { out_.insert(out_.end(), data.begin(), data.end()); }
  void pad() { out_.resize(start_ + ((out_.size() - start_ + 3) & ~std::size_t{3})); }
  void option(std::uint16_t code, std::string_view value);
  void time(std::uint64_t nanoseconds);  // of the wall clock: upper half, lower half
  void finish();

 private:
  std::vector<std::byte>& out_;
  std::size_t start_;
};

// A file: one section, its interfaces in the order of their numbers, then packets.
void add_section(std::vector<std::byte>& out, std::string_view application = {});
void add_interface(std::vector<std::byte>& out, LinkType type, std::string_view name);
// `comment`: empty for none. `lost`: packets of the interface that are missing before this one. `left_out`: bytes that
// the packet had behind `payload`.
void add_packet(std::vector<std::byte>& out, std::uint32_t interface, std::uint64_t nanoseconds,
                std::span<const std::byte> head, std::span<const std::byte> payload, std::string_view comment = {},
                std::uint64_t lost = 0, std::uint32_t left_out = 0);
struct Statistics {
  std::uint32_t interface = 0;
  std::uint64_t now = 0, started = 0, ended = 0;  // nanoseconds
  std::uint64_t received = 0, dropped = 0;        // packets
};
void add_statistics(std::vector<std::byte>& out, const Statistics& statistics);

}  // namespace base::pcapng
