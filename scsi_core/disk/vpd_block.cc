// VPD pages B0h, B1h, B2h: block limits, block device characteristics, logical block provisioning (SBC-4 6.6).
#include "base/bits.h"
#include "base/endian.h"
#include "scsi_core/disk/disk.h"
#include "scsi_core/disk/vpd.h"

namespace scsi::disk {
namespace {

using base::be16;
using base::be32;
using base::be64;

struct BlockLimits {
  std::uint8_t wsnz = 0;  // WRITE SAME with 0 blocks goes to the end of the medium
  std::uint8_t maximum_compare_and_write_length = 0;
  be16 optimal_transfer_length_granularity;
  be32 maximum_transfer_length;
  be32 optimal_transfer_length;
  be32 maximum_prefetch_length;
  be32 maximum_unmap_lba_count;
  be32 maximum_unmap_block_descriptor_count;
  be32 optimal_unmap_granularity;
  be32 unmap_granularity_alignment;
  be64 maximum_write_same_length;
  be32 maximum_atomic_transfer_length;
  be32 atomic_alignment;
  be32 atomic_transfer_length_granularity;
  be32 maximum_atomic_transfer_length_with_atomic_boundary;
  be32 maximum_atomic_boundary_size;
};
static_assert(sizeof(BlockLimits) == 60);
using Ugavalid = base::Flag<std::uint32_t, 31>;

struct Characteristics {
  be16 medium_rotation_rate;  // 0: not reported, 1: does not rotate
  std::uint8_t product_type = 0;
  std::uint8_t form_factor = 0;
  std::uint8_t flags = 0;
  std::uint8_t reserved[55] = {};
};
static_assert(sizeof(Characteristics) == 60);
using Fuab = base::Flag8<1>;   // SYNCHRONIZE CACHE and FUA mean volatile cache only
using Vbuls = base::Flag8<0>;  // VERIFY with BYTCHK takes unmapped blocks for zeroes

struct Provisioning {
  std::uint8_t threshold_exponent = 0;
  std::uint8_t flags = 0;
  std::uint8_t type = 0;
  std::uint8_t threshold_percentage = 0;
};
static_assert(sizeof(Provisioning) == 4);
using Lbpu = base::Flag8<7>;
using Lbpws = base::Flag8<6>;
using Lbpws10 = base::Flag8<5>;
using Lbprz = base::Bits8<4, 2>;
using ProvisioningType = base::Bits8<2, 0>;
constexpr std::uint8_t kReadsZero = 1, kThin = 2;

}  // namespace

void vpd_block_limits(const Command& c, base::Writer& out) {
  const Limits& limits = server(c).limits();
  const StoreGeometry geometry = c.core.lu->geometry();
  BlockLimits page;
  page.maximum_compare_and_write_length = limits.compare_and_write;
  page.optimal_transfer_length_granularity = static_cast<std::uint16_t>(1u << geometry.physical_exponent);
  page.maximum_transfer_length = limits.transfer;
  page.optimal_transfer_length = geometry.optimal_blocks;
  if (geometry.thin) {
    page.maximum_unmap_lba_count = limits.unmap_blocks;
    page.maximum_unmap_block_descriptor_count = limits.unmap_descriptors;
    page.optimal_unmap_granularity = geometry.unmap_granularity;
    page.unmap_granularity_alignment = Ugavalid::of(true);
  }
  page.maximum_write_same_length = limits.write_same;
  page.maximum_atomic_transfer_length = limits.atomic;
  out.put(page);
}

void vpd_block_device_characteristics(const Command& c, base::Writer& out) {
  Characteristics page;
  page.medium_rotation_rate = c.core.lu->geometry().rotational ? 0 : 1;
  page.flags = Fuab::of(true) | Vbuls::of(true);
  out.put(page);
}

void vpd_logical_block_provisioning(const Command& c, base::Writer& out) {
  Provisioning page;
  if (c.core.lu->geometry().thin) {
    page.flags = Lbpu::of(true) | Lbpws::of(true) | Lbpws10::of(true) | Lbprz::of(kReadsZero);
    page.type = ProvisioningType::of(kThin);
  }
  out.put(page);
}

}  // namespace scsi::disk
