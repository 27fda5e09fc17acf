// T10 protection information of one transfer (SBC-4 section 4.21): inserted, removed, or carried along and checked,
// between host memory and the wire, block by block.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "emu/qla/memory.h"
#include "hal/protection.h"

namespace emu::qla {

using hal::ProtectionTuple;  // behind each block

std::uint16_t protection_guard(std::span<const std::byte> block, std::uint16_t seed);  // CRC of T10

class Protection {
 public:
  struct Error {
    ProtectionTuple actual, expected;
  };
  struct Transfer {
    bool to_host = false;
    std::uint32_t wire_bytes = 0;  // with protection information where the wire has it
    unsigned segments = 0;         // of data, where they are not bundled
    bool lists = false;            // the context's segments are lists of segments
    bool bundled = false;          // the entry says that protection information has segments of its own
  };
  void clear();
  // Nothing is wrong: null. `address`: of the context.
  const char* prepare(ModelHost& host, std::uint64_t address, const Transfer& transfer);
  bool active() const { return active_; }
  // At `offset` on the wire. False: DMA failed, or a check, of which error() tells.
  bool fetch(ModelHost& host, std::uint64_t offset, std::span<std::byte> to);
  bool store(ModelHost& host, std::uint64_t offset, std::span<const std::byte> from);
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Partial {  // a block that came in pieces
    std::vector<std::byte> bytes;
    std::size_t filled = 0;
  };
  static bool gather(ModelHost& host, Segments& to, const wire::DataSegment& first, unsigned count, bool list);
  bool load(ModelHost& host, std::uint32_t block);
  bool finish(ModelHost& host, std::uint32_t block, std::span<const std::byte> bytes);
  bool check(std::span<const std::byte> data, const ProtectionTuple& tuple, std::uint32_t block, bool of_host);
  ProtectionTuple make(std::span<const std::byte> data, std::uint32_t block, bool for_host) const;
  ProtectionTuple converted(ProtectionTuple tuple, std::span<const std::byte> data, std::uint32_t block,
                            bool for_host) const;
  std::uint16_t application_mask() const;
  std::uint32_t reference_mask() const;
  bool replaces_application() const;
  bool replaces_reference() const;
  std::uint16_t guard(std::span<const std::byte> data, bool of_host) const;
  std::uint32_t reference(std::uint32_t block) const;
  std::uint64_t data_at(std::uint32_t block) const;

  bool active_ = false;
  wire::CrcContext context_{};
  unsigned mode_ = 0;
  bool to_host_ = false, on_wire_ = false, in_host_ = false, bundled_ = false;
  std::uint32_t block_size_ = 0, wire_block_ = 0;
  Segments data_, tuples_;
  std::optional<std::uint32_t> loaded_;  // which block `block_` is
  std::vector<std::byte> block_;
  std::map<std::uint32_t, Partial> partial_;
  std::optional<Error> error_;
};

}  // namespace emu::qla
