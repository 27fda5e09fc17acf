// The reactors and the core of a LoopTarget.
#include "tests/support/loop_target.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/check.h"
#include "scsi_core/metadata_store.h"

namespace test_support {

LoopTarget::LoopTarget(const LoopOptions& options) : random_(options.seed), metadata_(options.core.metadata) {
  std::vector<hal::Reactor*> data;
  for (std::size_t i = 0; i < options.reactors; ++i) {
    hal::ReactorOptions reactor;
    reactor.name = "reactor " + std::to_string(i);
    reactor.clock = &clock_;
    reactor.shuffle_seed = options.seed + i + 1;
    reactor.dma_limit = options.dma_limit;
    auto made = hal::Reactor::create(reactor);
    CHECK(made.has_value());
    reactors_.push_back(std::move(*made));
    reactors_.back()->index = static_cast<std::uint32_t>(i);
    data.push_back(reactors_.back().get());
  }
  core_ = std::make_unique<scsi::Core>(*data[0], data, options.core);
}

LoopTarget::~LoopTarget() {
  for (const auto& port : ports_) {
    port->hold_transfers = port->hold_terminated = false;
  }
  settle();
  for (LoopNexus* nexus : nexuses_) {
    if (!nexus->lost()) nexus->lose();
  }
  settle();
  for (LoopNexus* nexus : nexuses_) EXPECT_TRUE(nexus->quiet()) << "a nexus did not become quiet";
  core_.reset();
  if (metadata_ != nullptr) metadata_->drain();
  for (const auto& reactor : reactors_) EXPECT_EQ(reactor->dma().in_use(), 0u) << "buffers were lost";
  ports_.clear();
}

LoopPort& LoopTarget::port(std::size_t reactor, const std::string& target) {
  std::uint16_t relative_id = 1;
  for (const auto& port : ports_) {
    if (port->identity().target_name == target) {
      relative_id = port->identity().relative_id;
      if (&port->reactor() == reactors_[reactor].get()) return *port;
    } else if (port->identity().relative_id >= relative_id) {
      relative_id = static_cast<std::uint16_t>(port->identity().relative_id + 1);
    }
  }
  for (const auto& port : ports_) {
    if (port->identity().target_name == target) relative_id = port->identity().relative_id;
  }
  scsi::TargetPortIdentity identity;
  identity.relative_id = relative_id;
  identity.target_name = target;
  identity.port_name = target + ",t,0x0001";
  ports_.push_back(std::make_unique<LoopPort>(*reactors_[reactor], core_->router(reactor), identity, random_.next()));
  return *ports_.back();
}

LoopNexus& LoopTarget::login(const std::string& initiator, std::size_t reactor) {
  LoopNexus& nexus = port(reactor).login(initiator);
  nexuses_.push_back(&nexus);
  return nexus;
}

bool LoopTarget::step() {
  bool worked = false;
  const std::size_t first = random_.below(reactors_.size());
  for (std::size_t i = 0; i < reactors_.size(); ++i) worked |= reactors_[(first + i) % reactors_.size()]->run_once();
  return worked;
}

void LoopTarget::settle(std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) {
    if (!step()) return;
  }
  ADD_FAILURE() << "the reactors do not come to rest";
}

void LoopTarget::advance(base::Duration by) {
  clock_.advance(by);
  settle();
}

Reply LoopTarget::run(LoopNexus& nexus, Request request) {
  const LoopCommand& command = nexus.send(std::move(request));
  settle();
  EXPECT_TRUE(command.reply.over) << "the command is not over";
  return command.reply;
}

scsi::TmfResponse LoopTarget::manage(LoopNexus& nexus, scsi::TaskFunction function, std::uint32_t lun,
                                     const LoopCommand* task) {
  const LoopFunction& asked = nexus.manage(function, lun, task);
  EXPECT_FALSE(asked.response.has_value()) << "answered from inside the call";
  settle();
  EXPECT_TRUE(asked.response.has_value()) << "the task management function is not answered";
  return asked.response.value_or(scsi::TmfResponse::kFunctionRejected);
}

void LoopTarget::clear_attentions(LoopNexus& nexus, std::uint32_t lun) {
  for (std::size_t i = 0; i <= scsi::UnitAttentions::kCapacity; ++i) {
    const Reply reply = run(nexus, {.cdb = {0, 0, 0, 0, 0, 0}, .lun = lun});
    if (reply.sense.key != scsi::SenseKey::kUnitAttention) return;
  }
  ADD_FAILURE() << "unit attention conditions without end";
}

base::Result<void> LoopTarget::wait(const std::function<void(scsi::Done)>& call) {
  std::optional<base::Result<void>> answer;
  call([&](base::Result<void> result) { answer = std::move(result); });
  EXPECT_FALSE(answer.has_value()) << "answered from inside the call";
  settle();
  if (!answer.has_value()) {
    ADD_FAILURE() << "the core does not answer";
    return base::fail(base::Errc::kTimeout, "no answer");
  }
  return std::move(*answer);
}

base::Result<void> LoopTarget::add(const std::string& name, std::unique_ptr<scsi::Backstore> store,
                                   std::unique_ptr<scsi::DeviceServer> server, scsi::LuConfig config) {
  config.name = name;
  return wait([&](scsi::Done done) { core_->add(config, std::move(store), std::move(server), std::move(done)); });
}

base::Result<void> LoopTarget::map(const std::vector<std::pair<std::string, std::uint32_t>>& luns) {
  scsi::ViewTable table;
  for (const auto& [name, lun] : luns) table.views.push_back({name, "", "", lun, false});
  return wait([&](scsi::Done done) { core_->set_views(table, std::move(done)); });
}

}  // namespace test_support
