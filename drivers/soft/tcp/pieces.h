// Which bytes of one sequence of Data-Out PDUs have come, where they may come in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace soft::tcp {

class Pieces {
 public:
  static constexpr std::size_t kMost = 1024;  // apart from each other: what a sequence may cost us

  // A sequence of [begin, end), of which [begin, arrived) has come.
  Pieces(std::uint32_t begin, std::uint32_t end, std::uint32_t arrived);
  // [begin, begin+size) comes. False: part of it has come before or is not in the sequence, or kMost is reached.
  bool add(std::uint32_t begin, std::uint32_t size);
  bool complete() const { return in_order() == end_; }
  std::uint32_t in_order() const;  // all of the sequence before it has come

 private:
  struct Piece {
    std::uint32_t begin, end;
  };
  std::uint32_t begin_, end_;
  std::vector<Piece> pieces_;  // ascending, none touches the next
};

}  // namespace soft::tcp
