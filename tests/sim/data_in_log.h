// What has come of one read: which Data-In PDUs, and what they brought (RFC 7143 11.7.5, 11.16).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace sim {

// DataPDUInOrder=Yes, DataSequenceInOrder=Yes: the numbers and the places in the buffer grow together, without holes. A
// PDU that comes a second time must be a replica.
class DataInLog {
 public:
  // Empty if the PDU may be, else what is wrong with it.
  const char* add(std::uint32_t data_sn, std::uint32_t offset, std::span<const std::byte> data,
                  std::vector<std::byte>& buffer);
  std::uint32_t next() const;  // the first number that has not come
  std::uint32_t end() const;   // behind the highest that has
  std::uint64_t bytes() const;
  struct Run {
    std::uint32_t first, count;
  };
  Run missing(std::uint32_t before) const;  // the first run of numbers below `before` that have not come; count 0: none
  // From this number on everything is sent anew, perhaps cut in another way.
  void restart(std::uint32_t from) { pieces_.erase(pieces_.lower_bound(from), pieces_.end()); }

 private:
  struct Piece {
    std::uint32_t offset, length;
  };
  std::map<std::uint32_t, Piece> pieces_;  // by DataSN
};

}  // namespace sim
