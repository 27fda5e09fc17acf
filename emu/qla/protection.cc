// Protection information: contexts and their segments, and the guard.
#include "emu/qla/protection.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace emu::qla {
namespace {

using Context = wire::CrcContext;
constexpr std::uint32_t kTuple = sizeof(ProtectionTuple);
constexpr unsigned kMostSegments = 8192, kMostTupleSegments = 512;

}  // namespace

std::uint16_t protection_guard(std::span<const std::byte> block, std::uint16_t seed) {
  return crc16_t10dif(seed, reinterpret_cast<const unsigned char*>(block.data()), block.size());
}

void Protection::clear() {
  active_ = false;
  data_.clear();
  tuples_.clear();
  loaded_.reset();
  partial_.clear();
  error_.reset();
}

// A list has room for one segment more than it says, by which it goes on, or ends with nothing.
bool Protection::gather(ModelHost& host, Segments& to, const wire::DataSegment& first, unsigned count, bool list) {
  to.clear();
  if (count > kMostSegments) return false;
  if (!list) {
    if (count != 1) return false;
    to.add(first.address, first.length);
    return true;
  }
  wire::DataSegment next = first;
  while (count > 0) {
    const unsigned entries = next.length / static_cast<unsigned>(sizeof next);
    if (entries < 2) return false;
    const unsigned here = std::min(entries - 1, count);
    for (unsigned i = 0; i < entries; ++i) {
      const auto segment = read_host<wire::DataSegment>(host, next.address + i * sizeof next);
      if (!segment) return false;
      if (i == here) {
        next = *segment;
        break;
      }
      to.add(segment->address, segment->length);
    }
    count -= here;
  }
  return true;
}

const char* Protection::prepare(ModelHost& host, std::uint64_t address, const Transfer& transfer) {
  clear();
  const auto context = read_host<Context>(host, address);
  if (!context) return "the context cannot be read";
  context_ = *context;
  mode_ = Context::Mode::get(context_.options);
  if (mode_ > wire::kProtectionReplace && mode_ != wire::kProtectionChecksum) return "unknown mode";
  if ((std::uint16_t{context_.options} & Context::kReservedOptions) != 0) return "reserved options";
  const bool replaces = !Context::NoApplicationReplacement::get(context_.options) ||
                        !Context::NoReferenceReplacement::get(context_.options);
  if (mode_ == wire::kProtectionReplace && !replaces) return "replaces nothing";
  const bool passes = mode_ >= wire::kProtectionPass;
  to_host_ = transfer.to_host;
  on_wire_ = passes || (mode_ == wire::kProtectionRemove) == to_host_;
  in_host_ = passes || !on_wire_;
  bundled_ = Context::Bundled::get(context_.options);
  if (bundled_ && in_host_ && !transfer.bundled) return "the entry says nothing of its segments";
  block_size_ = context_.block_size;
  if (block_size_ < 512 || block_size_ > 4096 || block_size_ % 8 != 0) return "block size";
  wire_block_ = block_size_ + (on_wire_ ? kTuple : 0);
  if (transfer.wire_bytes % wire_block_ != 0) return "not a whole number of blocks";
  const std::uint64_t blocks = transfer.wire_bytes / wire_block_;
  const std::uint64_t data_bytes = blocks * block_size_, count_told = context_.byte_count;
  if (count_told != data_bytes && count_told != data_bytes + blocks * kTuple) return "byte count";
  const unsigned count = bundled_ ? std::uint16_t{context_.segment_count} : transfer.segments;
  if (!gather(host, data_, context_.data, count, transfer.lists)) return "segments of data";
  if (data_.total() < blocks * (block_size_ + (in_host_ && !bundled_ ? kTuple : 0))) return "too few bytes of data";
  if (in_host_ && bundled_) {
    if (context_.protection_byte_count != blocks * kTuple) return "bytes of protection information";
    // How many segments it has is told by its size alone.
    const unsigned most = transfer.lists ? kMostTupleSegments : 1;
    for (unsigned count_of_tuples = 1; count_of_tuples <= most && tuples_.total() < blocks * kTuple; ++count_of_tuples)
      if (!gather(host, tuples_, context_.protection, count_of_tuples, transfer.lists))
        return "segments of protection information";
    if (tuples_.total() < blocks * kTuple) return "too few bytes of protection information";
  }
  block_.resize(wire_block_);
  active_ = true;
  return nullptr;
}

}  // namespace emu::qla
