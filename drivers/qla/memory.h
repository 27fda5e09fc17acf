// The memory that a port shares with its adapter: rings, response IUs, CT buffers, one block for mailbox commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "hal/dma.h"
#include "hal/port/fc_port.h"

namespace qla {

// All lengths are powers of two.
constexpr std::uint32_t kRequestEntries = 2048, kResponseEntries = 512, kAtioEntries = 2048;
constexpr std::size_t kShadowBytes = 64;  // behind a ring: the chip's index of it
constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kResponseIuBytes = 320;  // FCP_RSP with response info and 252 bytes of sense data
constexpr std::size_t kCtBytes = hal::fc::FcPort::kMaxCtBytes;

class Memory {
 public:
  static base::Result<Memory> create(std::uint32_t exchanges, std::size_t ports);

  hal::DmaSpan request() const { return part(request_, kRequestEntries * 64); }
  hal::DmaSpan response() const { return part(response_, kResponseEntries * 64); }
  hal::DmaSpan atio() const { return part(atio_, kAtioEntries * 64); }
  hal::DmaSpan block() const { return part(block_, kBlockBytes); }
  hal::DmaSpan ct_request(std::size_t slot) const { return part(ct_ + 2 * slot * kCtBytes, kCtBytes); }
  hal::DmaSpan ct_reply(std::size_t slot) const { return part(ct_ + (2 * slot + 1) * kCtBytes, kCtBytes); }
  hal::DmaSpan response_iu(std::size_t exchange) const {
    return part(response_ius_ + exchange * kResponseIuBytes, kResponseIuBytes);
  }

 private:
  explicit Memory(hal::MemoryRegion region) : region_(std::move(region)) {}
  hal::DmaSpan part(std::size_t offset, std::size_t size) const {
    const auto bytes = region_.bytes().subspan(offset, size);
    return {bytes, hal::Iova{reinterpret_cast<std::uintptr_t>(bytes.data())}};
  }

  hal::MemoryRegion region_;
  std::size_t request_ = 0, response_ = 0, atio_ = 0, block_ = 0, ct_ = 0, response_ius_ = 0;
};

}  // namespace qla
