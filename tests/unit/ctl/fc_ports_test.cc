// Fibre Channel ports of a configuration: devices that come, go, cannot be had, and come back.
#include "ctl/fc_ports.h"

#include <gtest/gtest.h>

#include <mutex>

#include "tests/support/fake_fc_port.h"
#include "tests/support/log_guard.h"
#include "tests/support/loop_target.h"

namespace ctl {
namespace {

using test_support::FakeFcPort;

// Hands out what the test put there, by device.
struct FakeSource final : AdapterSource {
  base::Result<std::unique_ptr<hal::fc::FcPort>> open(const FcPort& config, const std::vector<FcPort>& virtual_ports,
                                                      const std::vector<hal::Reactor*>& reactors) override {
    const std::lock_guard lock(mutex);
    ++opened;
    virtual_ports_asked = virtual_ports.size();
    reactors_asked = reactors;
    const auto found = devices.find(config.device);
    if (found == devices.end() || found->second == nullptr) return base::fail(base::Errc::kNotFound, "no such device");
    return std::unique_ptr<hal::fc::FcPort>(std::move(found->second));
  }
  base::Result<std::vector<DeviceInfo>> list() override { return std::vector<DeviceInfo>(); }
  base::Result<void> bind(const std::string&) override { return {}; }
  base::Result<void> unbind(const std::string&) override { return {}; }
  std::mutex mutex;
  int opened = 0;
  std::size_t virtual_ports_asked = 0;
  std::vector<hal::Reactor*> reactors_asked;
  std::map<std::string, std::unique_ptr<FakeFcPort>> devices;
};

struct FcPortsTest : testing::Test {
  FcPortsTest() {
    config.name = "fc0";
    config.device = "unix:/a";
    config.relative_port_id = 3;
  }
  ~FcPortsTest() override {
    EXPECT_TRUE(wait([&](Done done) { ports.stop(std::move(done)); }));
  }
  FakeFcPort& add_device(const std::string& device) {
    auto made = std::make_unique<FakeFcPort>(std::vector<hal::Reactor*>{&loop.reactor(1)});
    FakeFcPort& port = *made;
    const std::lock_guard lock(source.mutex);
    source.devices[device] = std::move(made);
    return port;
  }
  void settle() {
    loop.settle();
    worker.drain();
    loop.settle();
  }
  base::Result<void> wait(const std::function<void(Done)>& call) {
    std::optional<base::Result<void>> answer;
    call([&](base::Result<void> result) { answer = std::move(result); });
    settle();
    if (!answer) return base::fail(base::Errc::kTimeout, "no answer");
    return std::move(*answer);
  }
  void apply(const std::vector<FcPort>& wanted) {
    EXPECT_TRUE(wait([&](Done done) { ports.apply(wanted, std::move(done)); }));
  }
  std::string state(std::size_t index = 0) {
    std::vector<FcPortInfo> got;
    ports.list([&](std::vector<FcPortInfo> list) { got = std::move(list); });
    settle();
    return index < got.size() ? got[index].state : "not there";
  }

  test_support::LoopTarget loop{{.reactors = 2, .seed = 1, .dma_limit = std::size_t{64} << 20, .core = {}}};
  hal::Worker worker{"test"};
  FakeSource source;
  fcp::Fabric fabric{loop.core(), loop.reactor(0), {&loop.reactor(0), &loop.reactor(1)}};
  FcPorts ports{{loop.reactor(0), worker, {&loop.reactor(0), &loop.reactor(1)}, fabric, source}};
  FcPort config;
};

TEST_F(FcPortsTest, APortComesUpWithItsDevice) {
  FakeFcPort& device = add_device("unix:/a");
  apply({config});
  EXPECT_TRUE(device.started());
  EXPECT_EQ(state(), "link down");
  device.light(true);
  settle();
  EXPECT_EQ(state(), "online");
  apply({});
  EXPECT_EQ(state(), "not there");
}

// A reactor for each queue that the port may have, its own first.
TEST_F(FcPortsTest, AsManyReactorsAsQueues) {
  add_device("unix:/a");
  apply({config});
  ASSERT_EQ(source.reactors_asked.size(), 2u);
  EXPECT_NE(source.reactors_asked[0], source.reactors_asked[1]);
  add_device("unix:/a");
  config.queues = 1;  // another adapter object
  apply({config});
  EXPECT_EQ(source.opened, 2);
  EXPECT_EQ(source.reactors_asked.size(), 1u);
}

TEST_F(FcPortsTest, AMissingDeviceIsNoFailureAndIsTriedAgain) {
  ExpectLog expect("no such device");
  apply({config});
  EXPECT_EQ(state(), "waiting for its device: no such device");
  loop.advance(FcPorts::kRetry);
  settle();
  EXPECT_EQ(source.opened, 2);
  EXPECT_EQ(expect.count(), 1);  // said once
  FakeFcPort& device = add_device("unix:/a");
  loop.advance(FcPorts::kRetry);
  settle();
  EXPECT_TRUE(device.started());
}

TEST_F(FcPortsTest, AnAdapterThatIsGoneForGoodIsOpenedAgain) {
  FakeFcPort& gone = add_device("unix:/a");
  apply({config});
  {
    ExpectLog expect("taken out");
    gone.fail_adapter("taken out", false);
    settle();
  }
  EXPECT_EQ(state(), "waiting for its device: taken out");
  FakeFcPort& again = add_device("unix:/a");
  loop.advance(FcPorts::kRetry);
  settle();
  EXPECT_TRUE(again.started());
}

TEST_F(FcPortsTest, AnAdapterThatFailsWhileItIsRemovedIsLetGoOnce) {
  FakeFcPort& gone = add_device("unix:/a");
  apply({config});
  ExpectLog expect("taken out");
  gone.fail_adapter("taken out", false);
  while (loop.step() && expect.count() == 0) {
  }
  apply({});
  EXPECT_EQ(state(), "not there");
}

TEST_F(FcPortsTest, AnotherDeviceIsAnotherAdapter) {
  add_device("unix:/a");
  FakeFcPort& second = add_device("unix:/b");
  apply({config});
  config.device = "unix:/b";
  apply({config});
  EXPECT_TRUE(second.started());
  EXPECT_EQ(source.opened, 2);
  config.initiators = {"21*"};  // the same adapter goes on
  apply({config});
  EXPECT_EQ(source.opened, 2);
  EXPECT_TRUE(second.started());
}

TEST_F(FcPortsTest, VirtualPortsComeAndGoWithTheirParent) {
  const auto device = [&]() -> FakeFcPort& {
    FakeFcPort& made = add_device("unix:/a");
    made.further.push_back(
        std::make_unique<FakeFcPort>(std::vector<hal::Reactor*>{&loop.reactor(1)}, hal::fc::Wwn{0x5001438000000002}));
    return made;
  };
  FcPort tenant;
  tenant.name = "tenant";
  tenant.parent = "fc0";
  tenant.wwpn = "5001438000000002";
  tenant.relative_port_id = 4;
  FakeFcPort& first = device();
  apply({tenant, config});
  EXPECT_EQ(source.virtual_ports_asked, 1u);
  EXPECT_TRUE(first.started() && first.further[0]->started());
  first.further[0]->light(true);
  settle();
  EXPECT_EQ(state(0), "online");
  EXPECT_EQ(state(1), "link down");
  tenant.enabled = false;  // off the link by itself
  apply({tenant, config});
  EXPECT_TRUE(first.started() && !first.further[0]->started());
  EXPECT_EQ(state(0), "offline");
  EXPECT_EQ(source.opened, 1);
  tenant.enabled = true;
  apply({tenant, config});
  EXPECT_TRUE(first.further[0]->started());
  FakeFcPort& second = add_device("unix:/a");  // one less: the adapter is opened anew
  apply({config});
  EXPECT_EQ(source.virtual_ports_asked, 0u);
  EXPECT_TRUE(second.started());
  FakeFcPort& third = device();
  apply({config, tenant});
  EXPECT_TRUE(third.started() && third.further[0]->started());
  {
    ExpectLog expect("taken out");
    third.fail_adapter("taken out", false);
    settle();
  }
  EXPECT_EQ(state(1), "waiting for port fc0");
  FakeFcPort& fourth = device();
  loop.advance(FcPorts::kRetry);
  settle();
  EXPECT_TRUE(fourth.started() && fourth.further[0]->started());
  config.enabled = false;
  apply({config, tenant});
  EXPECT_EQ(state(0), "offline");
  EXPECT_EQ(state(1), "waiting for port fc0");
}

// One that waits for its initiator keeps its parent, but not the others.
TEST_F(FcPortsTest, SeveralVirtualPortsLeaveAtOnce) {
  FakeFcPort& device = add_device("unix:/a");
  std::vector<FcPort> wanted = {config};
  for (std::uint64_t i = 0; i < 3; ++i) {
    const hal::fc::Wwn name{0x5001438000000010 + i};
    device.further.push_back(std::make_unique<FakeFcPort>(std::vector<hal::Reactor*>{&loop.reactor(1)}, name));
    FcPort& tenant = wanted.emplace_back();
    tenant.name = "tenant" + std::to_string(i);
    tenant.parent = "fc0";
    tenant.wwpn = to_string(name);
    tenant.relative_port_id = static_cast<std::uint16_t>(4 + i);
  }
  apply(wanted);
  FakeFcPort& slow = *device.further[0];
  slow.light(true);
  settle();
  test_support::FcInitiator& host = slow.initiator({0x21000024ff000001}, {0x010200});
  host.log_in();
  settle();
  ASSERT_TRUE(host.open());
  slow.queue().hold_ends = true;
  host.send({.cdb = {0, 0, 0, 0, 0, 0}});
  settle();
  wanted[0].enabled = false;
  bool done = false;
  ports.apply(wanted, [&](const base::Result<void>& result) { done = result.has_value(); });
  settle();
  EXPECT_TRUE(slow.started() && device.started());
  EXPECT_FALSE(device.further[1]->started() || device.further[2]->started());
  EXPECT_FALSE(done);
  slow.queue().hold_ends = false;
  settle();
  EXPECT_TRUE(done);
  EXPECT_EQ(state(0), "offline");
}

TEST_F(FcPortsTest, OfflineLetsGoOfTheDevice) {
  add_device("unix:/a");
  apply({config});
  config.enabled = false;
  apply({config});
  EXPECT_EQ(state(), "offline");
  FakeFcPort& again = add_device("unix:/a");
  config.enabled = true;
  apply({config});
  EXPECT_TRUE(again.started());
}

TEST_F(FcPortsTest, APortThatIsRemovedWhileItsDeviceOpensDoesNotComeUp) {
  FakeFcPort& device = add_device("unix:/a");
  bool first = false, second = false;
  ports.apply({config}, [&](const base::Result<void>& result) { first = result.has_value(); });
  ports.apply({}, [&](const base::Result<void>& result) { second = result.has_value(); });
  EXPECT_FALSE(device.started());
  settle();
  EXPECT_TRUE(first && second);
  EXPECT_EQ(state(), "not there");
}

}  // namespace
}  // namespace ctl
