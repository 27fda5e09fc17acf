// A logical unit's fixed parts, and its shards.
#include "scsi_core/logical_unit.h"

#include <bit>

#include "base/check.h"
#include "scsi_core/engine/fleet.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/engine/task_set.h"
#include "scsi_core/reservation/reservations.h"

namespace scsi {

LogicalUnit::LogicalUnit(LuConfig config, std::unique_ptr<Backstore> store, std::unique_ptr<DeviceServer> server,
                         hal::Reactor& home, Fleet& fleet)
    : config_(std::move(config)),
      store_(std::move(store)),
      server_(std::move(server)),
      opcodes_(&server_->opcodes()),
      home_(home),
      fleet_(fleet),
      at_home_(std::make_unique<LuHome>(*this, fleet, fleet.index_of(home))),
      reservations_(std::make_unique<Reservations>(*this)),
      shards_(fleet.size()) {
  const StoreGeometry geometry = store_->geometry();
  CHECK(std::has_single_bit(geometry.block_size));
  block_shift_ = static_cast<std::uint32_t>(std::countr_zero(geometry.block_size));
  blocks.store(geometry.blocks, std::memory_order_relaxed);
  if (config_.write_protected) flags.fetch_or(kLuWriteProtected, std::memory_order_relaxed);
  if (config_.write_cache) flags.fetch_or(kLuWriteCache, std::memory_order_relaxed);
}

LogicalUnit::~LogicalUnit() = default;

LuShard& LogicalUnit::shard(std::size_t reactor_index) {
  std::unique_ptr<LuShard>& shard = shards_[reactor_index];
  if (!shard) shard = std::make_unique<LuShard>(*this, fleet_.router(reactor_index));
  return *shard;
}

void LogicalUnit::drop_shard(std::size_t reactor_index) { shards_[reactor_index].reset(); }

}  // namespace scsi
