// Pieces of a sequence.
#include "drivers/soft/tcp/pieces.h"

#include <algorithm>

namespace soft::tcp {

Pieces::Pieces(std::uint32_t begin, std::uint32_t end, std::uint32_t arrived) : begin_(begin), end_(end) {
  if (arrived > begin) pieces_.push_back({begin, arrived});
}

bool Pieces::add(std::uint32_t begin, std::uint32_t size) {
  if (begin < begin_ || begin > end_ || size > end_ - begin) return false;
  if (size == 0) return true;
  const std::uint32_t end = begin + size;
  const auto next = std::lower_bound(pieces_.begin(), pieces_.end(), begin,
                                     [](const Piece& piece, std::uint32_t at) { return piece.begin < at; });
  const bool before = next != pieces_.begin();
  if ((next != pieces_.end() && next->begin < end) || (before && (next - 1)->end > begin)) return false;
  const bool joins_next = next != pieces_.end() && next->begin == end;
  const bool joins_last = before && (next - 1)->end == begin;
  if (joins_last) {
    (next - 1)->end = joins_next ? next->end : end;
    if (joins_next) pieces_.erase(next);
  } else if (joins_next) {
    next->begin = begin;
  } else {
    if (pieces_.size() == kMost) return false;
    pieces_.insert(next, {begin, end});
  }
  return true;
}

std::uint32_t Pieces::in_order() const {
  return !pieces_.empty() && pieces_.front().begin == begin_ ? pieces_.front().end : begin_;
}

}  // namespace soft::tcp
