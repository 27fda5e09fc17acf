// Protection information: blocks on their way, what is made for them and what is found wrong.
#include <algorithm>
#include <bit>
#include <cstring>

#include "emu/qla/protection.h"

namespace emu::qla {
namespace {

using Context = wire::CrcContext;
constexpr std::uint32_t kTuple = sizeof(ProtectionTuple);
constexpr std::uint16_t kEscape = 0xFFFF;
constexpr std::uint32_t kReferenceEscape = 0xFFFFFFFF;

// The Internet checksum, which some hosts use in their memory for it is cheaper.
std::uint16_t internet_checksum(std::span<const std::byte> block) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < block.size(); i += 2)
    sum += std::to_integer<std::uint32_t>(block[i]) << 8 | std::to_integer<std::uint32_t>(block[i + 1]);
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

template <class T>
T mixed(T tag, T context, T mask) {
  return static_cast<T>((tag & static_cast<T>(~mask)) | (context & mask));
}

}  // namespace

std::uint32_t Protection::reference(std::uint32_t block) const {
  return context_.reference_tag + (Context::NoReferenceIncrement::get(context_.options) ? 0 : block);
}

std::uint64_t Protection::data_at(std::uint32_t block) const {
  return std::uint64_t{block} * (block_size_ + (in_host_ && !bundled_ ? kTuple : 0));
}

std::uint16_t Protection::guard(std::span<const std::byte> data, bool of_host) const {
  return of_host && mode_ == wire::kProtectionChecksum ? internet_checksum(data)
                                                       : protection_guard(data, context_.guard_seed);
}

ProtectionTuple Protection::make(std::span<const std::byte> data, std::uint32_t block, bool for_host) const {
  return {guard(data, for_host), std::uint16_t{context_.application_tag}, reference(block)};
}

std::uint16_t Protection::application_mask() const { return std::bit_cast<base::be16>(context_.application_tag_mask); }

std::uint32_t Protection::reference_mask() const { return std::bit_cast<base::be32>(context_.reference_tag_mask); }

bool Protection::replaces_application() const {
  return mode_ == wire::kProtectionReplace && !Context::NoApplicationReplacement::get(context_.options);
}

bool Protection::replaces_reference() const {
  return mode_ == wire::kProtectionReplace && !Context::NoReferenceReplacement::get(context_.options);
}

// What was carried along, as the other side is to have it.
ProtectionTuple Protection::converted(ProtectionTuple tuple, std::span<const std::byte> data, std::uint32_t block,
                                      bool for_host) const {
  if (mode_ == wire::kProtectionChecksum) tuple.guard = guard(data, for_host);
  if (replaces_application()) {
    tuple.application =
        mixed(std::uint16_t{tuple.application}, std::uint16_t{context_.application_tag}, application_mask());
  }
  if (replaces_reference()) {
    tuple.reference = mixed(std::uint32_t{tuple.reference}, reference(block), reference_mask());
  }
  return tuple;
}

// What is not to be checked, or is replaced, is expected to be as it is.
bool Protection::check(std::span<const std::byte> data, const ProtectionTuple& tuple, std::uint32_t block,
                       bool of_host) {
  const std::uint16_t options = context_.options;
  const bool escaped = tuple.application == kEscape;
  if (escaped && Context::ApplicationEscape::get(options)) return true;
  if (escaped && tuple.reference == kReferenceEscape && Context::ApplicationReferenceEscape::get(options)) return true;
  ProtectionTuple expected = make(data, block, of_host);
  if (Context::NoGuardCheck::get(options)) expected.guard = tuple.guard;
  if (Context::NoReferenceCheck::get(options) || replaces_reference() ||
      ((expected.reference ^ tuple.reference) & reference_mask()) == 0)
    expected.reference = tuple.reference;
  if (Context::NoApplicationCheck::get(options) || replaces_application() ||
      ((expected.application ^ tuple.application) & application_mask()) == 0)
    expected.application = tuple.application;
  if (std::memcmp(&expected, &tuple, sizeof tuple) == 0) return true;
  if (!error_) error_ = Error{tuple, expected};
  return false;
}

// A block as the wire is to have it.
bool Protection::load(ModelHost& host, std::uint32_t block) {
  if (loaded_ == block) return true;
  loaded_.reset();
  const auto data = std::span(block_).first(block_size_);
  if (!data_.read(host, data_at(block), data)) return false;
  ProtectionTuple tuple = make(data, block, false);
  if (in_host_) {
    const auto raw = std::as_writable_bytes(std::span(&tuple, 1));
    const bool read = bundled_ ? tuples_.read(host, std::uint64_t{block} * kTuple, raw)
                               : data_.read(host, data_at(block) + block_size_, raw);
    if (!read || !check(data, tuple, block, true)) return false;
    tuple = converted(tuple, data, block, false);
  }
  if (on_wire_) std::memcpy(block_.data() + block_size_, &tuple, sizeof tuple);
  loaded_ = block;
  return true;
}

bool Protection::fetch(ModelHost& host, std::uint64_t offset, std::span<std::byte> to) {
  while (!to.empty()) {
    const std::size_t within = offset % wire_block_, part = std::min<std::size_t>(to.size(), wire_block_ - within);
    if (!load(host, static_cast<std::uint32_t>(offset / wire_block_))) return false;
    std::memcpy(to.data(), block_.data() + within, part);
    to = to.subspan(part);
    offset += part;
  }
  return true;
}

// A whole block from the wire.
bool Protection::finish(ModelHost& host, std::uint32_t block, std::span<const std::byte> bytes) {
  const auto data = bytes.first(block_size_);
  ProtectionTuple tuple = make(data, block, true);
  if (on_wire_) {
    std::memcpy(static_cast<void*>(&tuple), bytes.data() + block_size_, sizeof tuple);
    if (!check(data, tuple, block, false)) return false;
    tuple = converted(tuple, data, block, true);
  }
  if (!data_.write(host, data_at(block), data)) return false;
  if (!in_host_) return true;
  const auto raw = std::as_bytes(std::span(&tuple, 1));
  return bundled_ ? tuples_.write(host, std::uint64_t{block} * kTuple, raw)
                  : data_.write(host, data_at(block) + block_size_, raw);
}

bool Protection::store(ModelHost& host, std::uint64_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::size_t within = offset % wire_block_, part = std::min<std::size_t>(from.size(), wire_block_ - within);
    const auto block = static_cast<std::uint32_t>(offset / wire_block_);
    Partial& partial = partial_[block];
    partial.bytes.resize(wire_block_);
    std::memcpy(partial.bytes.data() + within, from.data(), part);
    partial.filled += part;
    if (partial.filled >= wire_block_) {
      if (!finish(host, block, partial.bytes)) return false;
      partial_.erase(block);
    }
    from = from.subspan(part);
    offset += part;
  }
  return true;
}

}  // namespace emu::qla
