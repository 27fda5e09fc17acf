// Encoding and decoding of iSNS messages.
#include "ctl/isns/message.h"

#include <algorithm>
#include <cstring>

#include "base/cursor.h"

namespace ctl::isns {
namespace {

constexpr std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

}  // namespace

void MessageWriter::put(Tag tag, std::span<const std::byte> value) {
  const base::be32 head[2] = {static_cast<std::uint32_t>(tag), static_cast<std::uint32_t>(padded(value.size()))};
  raw(std::as_bytes(std::span(head)));
  raw(value);
  payload_.resize(payload_.size() + padded(value.size()) - value.size());
}

void MessageWriter::put(Tag tag, std::string_view text) {
  const std::string terminated(text);
  put(tag, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

void MessageWriter::put(Tag tag, std::uint32_t number) {
  const base::be32 wire = number;
  put(tag, std::as_bytes(std::span(&wire, 1)));
}

void MessageWriter::status(std::uint32_t value) {
  const base::be32 wire = value;
  raw(std::as_bytes(std::span(&wire, 1)));
}

std::vector<std::byte> MessageWriter::take(std::uint16_t function, std::uint16_t flags,
                                           std::uint16_t transaction) const {
  Header header;
  header.function = function;
  header.length = static_cast<std::uint16_t>(payload_.size());
  header.flags = static_cast<std::uint16_t>(flags | kFirst | kLast);
  header.transaction = transaction;
  std::vector<std::byte> out(sizeof header + payload_.size());
  base::Writer writer(out);
  writer.put(header);
  writer.bytes(payload_);
  return out;
}

std::optional<std::uint32_t> Attribute::number() const {
  if (value.size() != sizeof(base::be32)) return std::nullopt;
  base::be32 wire;
  std::memcpy(&wire, value.data(), sizeof wire);
  return wire;
}

std::optional<std::string_view> Attribute::text() const {
  const auto* const begin = reinterpret_cast<const char*>(value.data());
  const std::string_view all(begin, value.size());
  const std::size_t end = all.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  return all.substr(0, end);
}

AttributeReader::Step AttributeReader::next(Attribute& out) {
  if (rest_.empty()) return Step::kEnd;
  base::Reader reader(rest_);
  const auto tag = reader.read<base::be32>();
  const auto length = reader.read<base::be32>();
  if (!tag || !length || *length % 4 != 0) return Step::kMalformed;
  const auto value = reader.bytes(*length);
  if (!value) return Step::kMalformed;
  out = {static_cast<Tag>(std::uint32_t{*tag}), *value};
  rest_ = rest_.subspan(2 * sizeof(base::be32) + *length);
  return Step::kAttribute;
}

bool well_formed(std::span<const std::byte> payload) {
  AttributeReader reader(payload);
  Attribute attribute;
  for (;;) {
    const AttributeReader::Step step = reader.next(attribute);
    if (step != AttributeReader::Step::kAttribute) return step == AttributeReader::Step::kEnd;
  }
}

MessageReader::Step MessageReader::next(Message& out) {
  for (;;) {
    const auto header = base::Reader(buffer_).read<Header>();
    if (!header) return Step::kMore;
    const std::size_t length = header->length;
    if (header->version != 1 || length % 4 != 0) return Step::kMalformed;
    if (buffer_.size() < sizeof(Header) + length) return Step::kMore;
    const bool first = (header->flags & kFirst) != 0;
    if (first == under_way_) return Step::kMalformed;
    if (!first && (header->transaction != transaction_ || header->sequence != sequence_ + 1)) return Step::kMalformed;
    transaction_ = header->transaction;
    sequence_ = header->sequence;
    const auto begin = buffer_.begin() + sizeof(Header), end = begin + static_cast<std::ptrdiff_t>(length);
    gathered_.insert(gathered_.end(), begin, end);
    buffer_.erase(buffer_.begin(), end);
    if (gathered_.size() > kMaxMessage) return Step::kMalformed;
    under_way_ = (header->flags & kLast) == 0;
    if (under_way_) continue;
    out.header = *header;
    out.payload = std::move(gathered_);
    gathered_.clear();
    return Step::kMessage;
  }
}

const char* status_name(std::uint32_t status) {
  constexpr std::array kNames = {"successful",
                                 "unknown error",
                                 "message format error",
                                 "invalid registration",
                                 "reserved",
                                 "invalid query",
                                 "source unknown",
                                 "source absent",
                                 "source unauthorized",
                                 "no such entry",
                                 "version not supported",
                                 "internal error",
                                 "busy",
                                 "option not understood",
                                 "invalid update",
                                 "message not supported",
                                 "SCN event rejected",
                                 "SCN registration rejected",
                                 "attribute not implemented",
                                 "FC domain ID not available",
                                 "FC domain ID not allocated",
                                 "ESI not available",
                                 "invalid deregistration",
                                 "registration feature not supported"};
  return status < kNames.size() ? kNames[status] : "unknown status";
}

}  // namespace ctl::isns
