// Host memory as the firmware reaches it: typed reads and writes, and scatter lists of commands.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "drivers/qla/wire.h"
#include "emu/device_model.h"

namespace emu::qla {

namespace wire = ::qla::wire;

template <class T>
std::optional<T> read_host(ModelHost& host, std::uint64_t address) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  if (!host.dma_read({address}, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
  return value;
}
template <class T>
bool write_host(ModelHost& host, std::uint64_t address, const T& value) {
  return host.dma_write({address}, std::as_bytes(std::span(&value, 1))).has_value();
}

// The data segments of one entry and its continuations. Kept in its slot, so that its memory is reused.
class Segments {
 public:
  void clear();
  // `first`: the segments inside the entry itself. False: a continuation is of the wrong type, or there are too few.
  bool gather(std::span<const wire::Entry> entries, std::span<const wire::DataSegment> first, unsigned count);
  void add(std::uint64_t address, std::uint32_t length);
  std::uint64_t total() const { return total_; }
  std::uint64_t total_of_first(std::size_t segments) const;
  // Copies to or from host memory at `offset` of the list. False: beyond its end, or DMA failed.
  bool read(ModelHost& host, std::uint64_t offset, std::span<std::byte> to);
  bool write(ModelHost& host, std::uint64_t offset, std::span<const std::byte> from);

 private:
  struct Segment {
    std::uint64_t address;
    std::uint32_t length;
  };
  template <class Move>
  bool walk(std::uint64_t offset, std::size_t size, Move&& move);
  std::vector<Segment> list_;
  std::uint64_t total_ = 0;
  std::size_t at_ = 0;           // where the last walk ended: the next one mostly begins there
  std::uint64_t at_offset_ = 0;  // offset of segment at_
};

// Reverses the bytes of each dword: how entries hold FCP fields. The last dword is padded with zeros.
void swap_words(std::span<std::uint8_t> to, std::span<const std::uint8_t> from);

}  // namespace emu::qla
