// Keeping of Data-In.
#include "fabrics/iscsi/sent_data.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"

namespace iscsi {

SentData::~SentData() { CHECK(unanswered_ == 0); }

std::uint32_t SentData::count_pdus(const Put& put) {
  std::uint32_t count = 0, at = 0;
  do {
    at += hal::cut_data_in(put.offset + at, put.length - at, put.segment_length, put.max_burst).size;
    ++count;
  } while (at < put.length);
  return count;
}

std::span<const hal::DmaSpan> SentData::add(const hal::DataIn& data, std::uint32_t data_sn,
                                            const hal::DatamoverKeys& keys) {
  Put put{.first_sn = data_sn,
          .count = 0,
          .offset = data.offset,
          .length = data.length,
          .segment_length = keys.send_data_segment_length,
          .max_burst = keys.max_burst_length,
          .ends_data = data.ends_data,
          .memory = std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[data.length]),
          .segment = nullptr};
  put.count = count_pdus(put);
  if (put.memory == nullptr) {
    incomplete_ = true;
    return {};
  }
  std::byte* to = put.memory.get();
  std::size_t left = data.length;
  for (const hal::DmaSpan& segment : data.segments) {
    const std::size_t part = std::min(left, segment.bytes.size());
    std::memcpy(to, segment.bytes.data(), part);
    to += part;
    left -= part;
  }
  const std::span<std::byte> copy(put.memory.get(), data.length);
  const hal::Iova iova{static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(copy.data()))};
  put.segment = std::make_unique<hal::DmaSpan>(hal::DmaSpan{copy, iova});
  bytes_ += data.length;
  ++unanswered_;
  puts_.push_back(std::move(put));
  return {puts_.back().segment.get(), 1};
}

void SentData::delivered() {
  if (unanswered_ != 0) --unanswered_;
}

// What is acknowledged before it was sent is let go of later.
void SentData::acknowledge(std::uint32_t data_sn) {
  acknowledged_ = data_sn;
  while (puts_.size() > unanswered_ && puts_.front().first_sn + puts_.front().count <= data_sn) {
    bytes_ -= puts_.front().length;
    puts_.erase(puts_.begin());
  }
}

std::uint32_t SentData::resegment(const hal::DatamoverKeys& keys) {
  CHECK(!leaving());
  std::uint32_t next = acknowledged_;
  for (Put& put : puts_) {
    std::uint32_t skip = 0;
    for (std::uint32_t sn = put.first_sn; sn < acknowledged_ && skip < put.length; ++sn) {
      skip += hal::cut_data_in(put.offset + skip, put.length - skip, put.segment_length, put.max_burst).size;
    }
    *put.segment = put.segment->subspan(skip, put.length - skip);
    put.offset += skip;
    put.length -= skip;
    bytes_ -= skip;
    put.segment_length = keys.send_data_segment_length;
    put.first_sn = next;
    put.count = put.length == 0 ? 0 : count_pdus(put);
    next += put.count;
  }
  std::erase_if(puts_, [](const Put& put) { return put.count == 0; });
  return next;
}

bool SentData::too_long(std::uint32_t first, std::uint32_t last, std::uint32_t segment_length) const {
  return std::any_of(puts_.begin(), puts_.end(), [&](const Put& put) {
    return put.first_sn < last && put.first_sn + put.count > first && put.segment_length > segment_length &&
           put.length > segment_length;
  });
}

}  // namespace iscsi
