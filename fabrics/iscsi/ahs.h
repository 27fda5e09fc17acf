// Additional header segments of a SCSI Command (RFC 7143 11.2.2, 11.3.6): the rest of a long CDB, the read length of a
// bidirectional command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace iscsi {

struct CommandAhs {
  std::span<const std::byte> extended_cdb;  // what follows the 16 bytes in the header
  bool bidirectional = false;
  std::uint32_t bidirectional_read_length = 0;
};

inline constexpr std::size_t kMaxCdb = 260;

// False: a length that does not fit, a type that is unknown or comes twice, a CDB longer than kMaxCdb.
bool parse_command_ahs(std::span<const std::byte> bytes, CommandAhs& out);

}  // namespace iscsi
