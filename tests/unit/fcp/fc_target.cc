// Making and ending an FcTarget.
#include "tests/unit/fcp/fc_target.h"

#include "scsi_core/backstores/backstores.h"

namespace fcp_test {

std::vector<hal::Reactor*> FcTarget::reactors_of(test_support::LoopTarget& loop, std::size_t count) {
  std::vector<hal::Reactor*> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(&loop.reactor(i));
  return all;
}

FcTarget::FcTarget(const Options& options)
    : loop(test_support::LoopOptions{options.reactors, 1, std::size_t{256} << 20, {}}),
      port(reactors_of(loop, options.reactors), {0x5001438000000001}, options.exchanges) {
  const std::vector<hal::Reactor*> data = reactors_of(loop, options.reactors);
  scsi::BackstoreConfig store;
  store.kind = scsi::BackstoreConfig::Kind::kRam;
  store.size = options.disk_bytes;
  store.protection = options.protection_type != 0;
  scsi::LuConfig disk;
  disk.protection_type = options.protection_type;
  disk.name = "disk";
  disk.serial = "1";
  EXPECT_TRUE(loop.wait(
      [&](scsi::Done done) { loop.core().add_disk(disk, scsi::make_backstore(store).value(), std::move(done)); }));
  EXPECT_TRUE(loop.map({{"disk", 0}}));
  fabric.emplace(loop.core(), *data[0], data);
  EXPECT_TRUE(fabric->attach("fc0", port));
  config.ports = {{.name = "fc0", .initiators = options.initiators, .relative_id = 7}};
  EXPECT_TRUE(apply());
  EXPECT_TRUE(port.started());
  if (!options.light) return;
  port.light(true);
  settle();
}

FcTarget::~FcTarget() {
  port.queue().hold_transfers = port.queue().deaf_data = port.queue().hold_ends = false;
  settle();
  EXPECT_TRUE(wait([&](scsi::Done done) { fabric->stop(std::move(done)); }));
  EXPECT_FALSE(port.started());
  fabric.reset();
}

FcInitiator& FcTarget::log_in(hal::fc::Wwn name, std::uint32_t id) {
  FcInitiator& host = port.initiator(name, {id});
  host.log_in();
  settle();
  return host;
}

const test_support::FcReply& FcTarget::run(FcInitiator& host, FcRequest request) {
  const FcCommand& command = host.send(std::move(request));
  settle();
  EXPECT_TRUE(command.reply.over) << "the command is not over";
  return command.reply;
}

void FcTarget::clear_attentions(FcInitiator& host) {
  for (int i = 0; i < 13; ++i) {
    if (run(host, {.cdb = {0, 0, 0, 0, 0, 0}}).good()) return;
  }
  ADD_FAILURE() << "unit attention conditions without end";
}

base::Result<void> FcTarget::apply() {
  return wait([&](scsi::Done done) { fabric->apply(config, std::move(done)); });
}

fcp::FabricCounters FcTarget::counters() {
  std::optional<fcp::FabricCounters> got;
  fabric->counters([&](fcp::FabricCounters counters) { got = counters; });
  settle();
  return got.value();
}

std::vector<fcp::SessionInfo> FcTarget::sessions() {
  std::optional<std::vector<fcp::SessionInfo>> got;
  fabric->list_sessions([&](std::vector<fcp::SessionInfo> list) { got = std::move(list); });
  settle();
  return got.value();
}

std::vector<std::string> FcTarget::events() {
  std::vector<std::string> names;
  fabric->list_events([&](const std::vector<fcp::EventInfo>& list) {
    for (const fcp::EventInfo& event : list) names.push_back(event.event);
  });
  settle();
  return names;
}

fcp::PortStatus FcTarget::status() {
  std::vector<fcp::PortStatus> got;
  fabric->list_ports([&](std::vector<fcp::PortStatus> list) { got = std::move(list); });
  settle();
  return got.at(0);
}

FcRequest read10(std::uint32_t lba, std::uint16_t blocks) {
  return {.cdb = {0x28, 0, 0, static_cast<std::uint8_t>(lba >> 16), static_cast<std::uint8_t>(lba >> 8),
                  static_cast<std::uint8_t>(lba), 0, static_cast<std::uint8_t>(blocks >> 8),
                  static_cast<std::uint8_t>(blocks), 0},
          .in = std::size_t{blocks} * kBlock};
}

FcRequest write10(std::uint32_t lba, std::uint16_t blocks, std::uint8_t fill) {
  FcRequest request = read10(lba, blocks);
  request.cdb[0] = 0x2a;
  request.in = 0;
  request.out = filled(std::size_t{blocks} * kBlock, fill);
  return request;
}

std::vector<std::byte> filled(std::size_t size, std::uint8_t value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

}  // namespace fcp_test
