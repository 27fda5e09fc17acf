// The target, its operator, and its end.
#include "tests/support/session_world.h"

#include <optional>
#include <utility>

#include "hal/dma.h"
#include "scsi_core/backstores/backstores.h"
#include "scsi_core/sense_codes.h"
#include "tests/support/require.h"

namespace {

constexpr std::uint64_t kDiskSize = 1 << 20;
constexpr std::size_t kFewBuffers = 32;

iscsi::FabricConfig fabric_config(bool with_open_target) {
  iscsi::FabricConfig config;
  config.portals = {{"10.0.0.1:3260", 1}};
  iscsi::Target target;
  target.command_window = 8;
  target.max_connections = 4;
  target.error_recovery_level = 2;
  target.name = SessionWorld::kTarget;
  if (with_open_target) config.targets.push_back(target);
  target.name = SessionWorld::kGuarded;
  target.authentication.required = true;
  target.authentication.accounts = {{.user = "alice",
                                     .secret = "correct horse battery",
                                     .mutual_user = "target",
                                     .mutual_secret = "staple of the target"}};
  config.targets.push_back(target);
  return config;
}

}  // namespace

SessionWorld::SessionWorld(std::uint64_t seed) {
  hal::ReactorOptions options;
  options.clock = &clock_;
  options.shuffle_seed = seed;
  options.dma_limit = std::size_t{64} << 20;
  reactor_ = std::move(hal::Reactor::create(options).value());
  datamover_ = std::make_unique<PairDatamover>(*reactor_);
  metadata_ = std::move(scsi::MetadataStore::open("").value());
  core_ = std::make_unique<scsi::Core>(*reactor_, std::vector{reactor_.get()},
                                       scsi::CoreOptions{.metadata = metadata_.get()});
  fabric_ = std::make_unique<iscsi::Fabric>(*core_, *datamover_, *reactor_, std::vector{reactor_.get()});
  add_disk("fixed", false);
  add_disk("removable", true);
  map(true);
  keep_target(true);
  buffers_ = reactor_->dma().in_use();
}

SessionWorld::~SessionWorld() {
  advance(std::chrono::seconds(1));
  // Whatever holds a command up ends within its limits: the core's for commands, the fabric's for lingering.
  for (int i = 0; i < 4; ++i) advance(std::chrono::seconds(61));
  std::optional<std::size_t> sessions, nexuses, commands;
  fabric_->list_sessions([&](std::vector<iscsi::SessionInfo> all) { sessions = all.size(); });
  core_->list_nexuses([&](std::vector<scsi::NexusInfo> all) { nexuses = all.size(); });
  core_->list_commands([&](std::vector<scsi::CommandInfo> all) { commands = all.size(); });
  settle();
  REQUIRE(sessions == 0u);
  REQUIRE(nexuses == 0u);
  REQUIRE(commands == 0u);
  REQUIRE(reactor_->dma().in_use() == buffers_);
  bool stopped = false;
  fabric_->stop({}, [&](const base::Result<void>& result) { stopped = result.has_value(); });
  settle();
  advance(std::chrono::seconds(2));
  REQUIRE(stopped);
  fabric_.reset();
  core_.reset();
  datamover_.reset();
  settle();
}

void SessionWorld::settle() {
  for (int i = 0; i < 200'000; ++i) {
    if (!reactor_->run_once()) return;
  }
  BROKEN("the target does not come to rest");
}

void SessionWorld::advance(base::Duration by) {
  feed();  // a command that waits for memory beyond its limit takes its logical unit offline
  clock_.advance(by);
  settle();
}

void SessionWorld::require_online() {
  std::size_t count = 0;
  core_->list_lus([&](const std::vector<scsi::LuInfo>& all) {
    for (const scsi::LuInfo& lu : all) REQUIRE(lu.state != "offline");
    count = all.size();
  });
  settle();
  REQUIRE(count == 2);
}

void SessionWorld::wait(const std::function<void(scsi::Done)>& call) {
  std::optional<base::Result<void>> answer;
  call([&](base::Result<void> result) { answer = std::move(result); });
  settle();
  // A change waits for commands that are in its way, but not beyond their limits.
  for (int i = 0; i < 4 && !answer.has_value(); ++i) advance(std::chrono::seconds(31));
  REQUIRE(answer.has_value());
}

void SessionWorld::add_disk(const char* name, bool removable) {
  scsi::LuConfig config;
  config.name = config.serial = name;
  config.removable = removable;
  scsi::BackstoreConfig medium;
  medium.size = kDiskSize;
  medium.block_size = removable ? 4096u : 512u;
  auto store = scsi::make_backstore(medium);
  REQUIRE(store.has_value());
  wait([&](scsi::Done done) { core_->add_disk(config, std::move(*store), std::move(done)); });
}

void SessionWorld::map(bool both) {
  scsi::ViewTable table;
  table.views.push_back({"fixed", "", "", 0, false});
  if (both) table.views.push_back({"removable", "", "", 1, false});
  wait([&](scsi::Done done) { core_->set_views(table, std::move(done)); });
}

void SessionWorld::resize(bool large) {
  wait([&](scsi::Done done) { core_->resize_lu("fixed", kDiskSize / (large ? 256 : 512), std::move(done)); });
}

void SessionWorld::keep_target(bool kept) {
  wait([&](scsi::Done done) { fabric_->apply(fabric_config(kept), std::move(done)); });
  wait([&](scsi::Done done) { core_->set_target_ports(fabric_->target_ports(), std::move(done)); });
}

void SessionWorld::inject(std::uint8_t what) {
  scsi::InjectRule rule;
  rule.kind = static_cast<scsi::InjectRule::Kind>(what & 3);
  rule.lu = (what & 4) != 0 ? "removable" : "fixed";
  rule.count = 1;
  rule.delay = std::chrono::seconds(what >> 4);
  rule.sense = {scsi::SenseKey::kUnitAttention, 0x29, 0x00};
  core_->inject(rule, [](const base::Result<std::uint32_t>&) {});
  settle();
}

void SessionWorld::log_out_all(base::Duration grace) {
  fabric_->list_sessions([this, grace](const std::vector<iscsi::SessionInfo>& all) {
    for (const iscsi::SessionInfo& session : all) {
      fabric_->logout_session(session.id, grace, [](const base::Result<void>&) {});
    }
  });
  settle();
}

void SessionWorld::starve(bool few_left) {
  feed();
  hal::DmaPool& pool = reactor_->dma();
  const auto hoard = [&](std::size_t size, std::size_t most) {
    while (most-- > 0) {
      std::byte* const buffer = pool.take(size).bytes.data();
      if (buffer == nullptr) break;
      hoard_.push_back(buffer);
    }
  };
  if (few_left) hoard(hal::DmaPool::kSizes.front(), kFewBuffers);
  const std::size_t few = hoard_.size();
  for (std::size_t i = hal::DmaPool::kSizes.size(); i-- > 0;) hoard(hal::DmaPool::kSizes[i], ~std::size_t{0});
  for (std::size_t i = 0; i < few; ++i) pool.give(hoard_[i]);
  hoard_.erase(hoard_.begin(), hoard_.begin() + static_cast<std::ptrdiff_t>(few));
}

void SessionWorld::feed() {
  for (std::byte* const buffer : std::exchange(hoard_, {})) reactor_->dma().give(buffer);
}
