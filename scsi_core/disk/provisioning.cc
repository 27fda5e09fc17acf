// UNMAP and GET LBA STATUS: logical block provisioning management (SBC-4 4.7).
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/data_in.h"

namespace scsi::disk {
namespace {

using base::be16;
using base::be32;
using base::be64;

struct UnmapHeader {  // SBC-4 table 124
  be16 unmap_data_length;
  be16 block_descriptor_data_length;
  std::uint8_t reserved[4];
};
static_assert(sizeof(UnmapHeader) == 8);

struct UnmapDescriptor {  // SBC-4 table 125
  be64 logical_block_address;
  be32 number_of_logical_blocks;
  std::uint8_t reserved[4];
};
static_assert(sizeof(UnmapDescriptor) == 16);

// The descriptors that are there in full; a cut one at the end is ignored, as the standard asks.
std::size_t descriptor_count(std::span<const std::byte> list) {
  const auto header = *base::Reader(list).read<UnmapHeader>();
  const std::size_t told = header.block_descriptor_data_length;
  return std::min(told, list.size() - sizeof(UnmapHeader)) / sizeof(UnmapDescriptor);
}

std::size_t descriptor_at(std::size_t index) { return sizeof(UnmapHeader) + index * sizeof(UnmapDescriptor); }

UnmapDescriptor descriptor(const Command& c, std::size_t index) {
  return *base::Reader(parameters(c).subspan(descriptor_at(index))).read<UnmapDescriptor>();
}

// All of the list is checked before any of it is done.
Outcome check(const Command& c, std::size_t count) {
  const Limits& limits = server(c).limits();
  const std::uint64_t capacity = c.core.lu->blocks.load(std::memory_order_relaxed);
  if (count > limits.unmap_descriptors)
    return Outcome::invalid_parameter(offsetof(UnmapHeader, block_descriptor_data_length));
  std::uint64_t blocks = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const UnmapDescriptor d = descriptor(c, i);
    if (!in_range(capacity, d.logical_block_address, d.number_of_logical_blocks)) {
      return out_of_range(capacity, d.logical_block_address);
    }
    blocks += d.number_of_logical_blocks;
    if (blocks > limits.unmap_blocks) {
      return Outcome::invalid_parameter(
          static_cast<std::uint16_t>(descriptor_at(i) + offsetof(UnmapDescriptor, number_of_logical_blocks)));
    }
  }
  return Outcome::good();
}

struct Unmapping {
  std::size_t count;
  std::size_t next;
};

void unmap_next(Command& c);

bool stable(const Command& c) { return server(c).volatile_cache() && must_be_stable(c, false); }

// The extent of the descriptor before `next`.
void unmap_data(Command& c) {
  const UnmapDescriptor d = descriptor(c, c.scratch_as<Unmapping>().next - 1);
  const std::uint32_t shift = c.core.lu->block_shift();
  store(c, StoreOp::kUnmap, std::uint64_t{d.logical_block_address} << shift,
        std::uint64_t{d.number_of_logical_blocks} << shift, stable(c), [](Command& done) {
          if (store_ok(done)) unmap_next(done);
        });
}

// Protection information goes first: blocks of zeroes without it are not checked, with it they would be found wrong.
void unmap_next(Command& c) {
  auto& work = c.scratch_as<Unmapping>();
  while (work.next < work.count) {
    const UnmapDescriptor d = descriptor(c, work.next++);
    if (d.number_of_logical_blocks == 0) continue;
    if (server(c).protection_type() == 0) return unmap_data(c);
    return store_protection(c, StoreOp::kUnmap, {d.logical_block_address, d.number_of_logical_blocks}, stable(c),
                            [](Command& done) {
                              if (store_ok(done)) unmap_data(done);
                            });
  }
  finish(c);
}

void list_received(Command& c) {
  const std::size_t count = descriptor_count(parameters(c));
  if (const Outcome outcome = check(c, count); outcome.status != Status::kGood) return finish(c, outcome);
  c.scratch_as<Unmapping>() = {count, 0};
  unmap_next(c);
}

}  // namespace

void unmap(Command& c) {
  const std::uint16_t length = wire<cdb::Unmap>(c).parameter_list_length;
  if (length == 0) return finish(c);
  if (length < sizeof(UnmapHeader)) {
    c.core.length = length;
    return finish(c, Outcome::check(kParameterListLengthError));
  }
  receive_parameters(c, length, &list_received);
}

namespace {

struct StatusHeader {  // SBC-4 table 68
  be32 parameter_data_length;
  std::uint8_t reserved[3];
  std::uint8_t condition;
};
static_assert(sizeof(StatusHeader) == 8);

struct StatusDescriptor {  // SBC-4 table 69
  be64 logical_block_address;
  be32 number_of_logical_blocks;
  std::uint8_t provisioning_status;  // 0: mapped, 1: deallocated
  std::uint8_t reserved[3];
};
static_assert(sizeof(StatusDescriptor) == 16);

constexpr std::size_t kMostDescriptors = 128;  // each may cost a system call

// The run of blocks from `lba` that share a state. A block that is unmapped in part is mapped.
base::Result<StatusDescriptor> status_at(Command& c, std::uint64_t lba, std::uint64_t capacity) {
  const std::uint32_t shift = c.core.lu->block_shift();
  const std::uint64_t begin = lba << shift;
  const StoreExtent extent = TRY(c.core.lu->backstore().extent_at(begin));
  const std::uint64_t end = std::min(extent.offset + extent.length, capacity << shift);
  bool mapped = extent.mapped;
  std::uint64_t blocks = end > begin ? (mapped ? whole_blocks(c, end - begin) : end - begin) >> shift : 0;
  if (blocks == 0) {
    mapped = true;
    blocks = 1;
  }
  StatusDescriptor d{};
  d.logical_block_address = lba;
  d.number_of_logical_blocks = static_cast<std::uint32_t>(std::min<std::uint64_t>(blocks, 0xffff'ffff));
  d.provisioning_status = mapped ? 0 : 1;
  return d;
}

}  // namespace

void get_lba_status(Command& c) {
  const auto& cdb = wire<cdb::ServiceActionIn16>(c);
  const std::uint64_t capacity = c.core.lu->blocks.load(std::memory_order_relaxed);
  std::uint64_t lba = cdb.starting_logical_block_address;
  if (lba >= capacity) return finish(c, out_of_range(capacity, lba));
  const std::size_t room = cdb.allocation_length / sizeof(StatusDescriptor) + 1;  // one at least
  std::vector<StatusDescriptor> runs;
  while (lba < capacity && runs.size() < std::min(room, kMostDescriptors)) {
    const auto run = status_at(c, lba, capacity);
    if (!run) return finish(c, Outcome::check(kUnrecoveredReadError, lba));
    lba += run->number_of_logical_blocks;
    if (!runs.empty() && runs.back().provisioning_status == run->provisioning_status &&
        std::uint64_t{runs.back().number_of_logical_blocks} + run->number_of_logical_blocks <= 0xffff'ffff) {
      runs.back().number_of_logical_blocks = runs.back().number_of_logical_blocks + run->number_of_logical_blocks;
    } else {
      runs.push_back(*run);
    }
  }
  DataIn data;
  data.out().put(StatusHeader{});
  for (const StatusDescriptor& run : runs) data.out().put(run);
  data.patch_length<be32>(0);
  data.reply(c, cdb.allocation_length);
}

}  // namespace scsi::disk
