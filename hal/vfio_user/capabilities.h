// What an end of a vfio-user connection can do, as the JSON text of the version message says it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "hal/vfio_user/protocol.h"

namespace hal::vfio_user {

struct Capabilities {  // the values that hold where the peer says nothing
  std::uint64_t max_msg_fds = 1;
  std::uint64_t max_data_xfer_size = kMaxDataTransfer;
  std::uint64_t max_dma_maps = 65535;
  std::uint64_t pgsizes = 4096;
  bool write_multiple = false;
};

// JSON with its final NUL.
std::string write_capabilities(const Capabilities& capabilities);
// `text` as received, with or without the NUL; empty text says nothing. What we do not know is passed over.
base::Result<Capabilities> read_capabilities(std::span<const std::byte> text);

}  // namespace hal::vfio_user
