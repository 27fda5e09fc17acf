// Unit tests of the vfio-user server with a toy device behind it and a raw client in front.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "emu/host/served.h"
#include "hal/vfio_user/socket.h"
#include "tests/support/log_guard.h"
#include "tests/support/toy_model.h"
#include "tests/support/vfio_user_peer.h"

namespace hal::vfio_user {
namespace {

namespace toy = test_support::toy;
using test_support::VfioUserPeer;

struct World {
  base::ManualClock clock;
  std::unique_ptr<Reactor> reactor = Reactor::create({.name = "server", .clock = &clock, .shuffle_seed = 1}).value();
  test_support::VfioUserPeer peer;
  emu::ServedHost host{*reactor, clock, "toy"};
  test_support::ToyModel model{host};
  World() {
    host.attach(model);
    host.serve(peer.take_other_end());
    reactor->add(host);
  }
  ~World() { run(); }
  void run() {
    while (reactor->run_once()) {
    }
  }
  VfioUserPeer::Reply answer() {
    run();
    auto reply = peer.receive();
    EXPECT_TRUE(reply.has_value());
    return reply.has_value() ? std::move(*reply) : VfioUserPeer::Reply{};
  }
  void negotiate() {
    peer.send_struct(Command::kVersion, Version{0, 1});
    ASSERT_FALSE(answer().failed());
  }
  template <class T>
  VfioUserPeer::Reply ask(Command command, const T& request, std::vector<int> fds = {}) {
    peer.send_struct(command, request, fds);
    return answer();
  }
  std::uint32_t refused(Command command, std::span<const std::byte> payload, std::vector<int> fds = {}) {
    peer.send(command, payload, fds);
    const auto reply = answer();
    EXPECT_TRUE(reply.payload.empty());
    return reply.failed() ? std::uint32_t{reply.header.error} : 0;
  }
  template <class T>
  std::uint32_t refused_struct(Command command, const T& request, std::vector<int> fds = {}) {
    return refused(command, std::as_bytes(std::span(&request, 1)), std::move(fds));
  }
  void config_write(std::uint16_t offset, std::uint16_t value) {
    struct {
      RegionAccess access;
      le16 value;
    } request{{offset, kRegionConfig, 2}, value};
    EXPECT_FALSE(ask(Command::kRegionWrite, request).failed());
  }
};

base::Fd memory(std::size_t size) {
  base::Fd fd(memfd_create("guest", MFD_CLOEXEC));
  EXPECT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

DmaMapRequest map_of(std::uint64_t address, std::uint64_t size, std::uint64_t offset = 0, std::uint32_t flags = 3) {
  return {32u, flags, offset, address, size};
}

TEST(VfioUserServer, VersionIsNegotiatedFirst) {
  World world;
  ExpectLog expect("the version could not be negotiated");
  EXPECT_EQ(world.refused_struct(Command::kDeviceInfo, DeviceInfo{16u, 0, 0, 0}), unsigned{EINVAL});
  EXPECT_TRUE(world.peer.closed());
}

TEST(VfioUserServer, OtherMajorVersionIsRefused) {
  World world;
  ExpectLog expect("the version could not be negotiated");
  EXPECT_EQ(world.refused_struct(Command::kVersion, Version{1, 0}), unsigned{ENOTSUP});
  EXPECT_TRUE(world.peer.closed());
}

TEST(VfioUserServer, MinorVersionIsTheLowerOne) {
  World world;
  const auto reply = world.ask(Command::kVersion, Version{0, 9});
  EXPECT_EQ(reply.as<Version>().major, 0);
  EXPECT_EQ(reply.as<Version>().minor, 1);
  EXPECT_EQ(reply.payload.back(), std::byte{0});
  EXPECT_EQ(reply.header.id, 7);
  EXPECT_EQ(world.refused_struct(Command::kVersion, Version{0, 1}), unsigned{EINVAL});  // once only
}

TEST(VfioUserServer, DeviceIsDescribed) {
  World world;
  world.negotiate();
  const auto device = world.ask(Command::kDeviceInfo, DeviceInfo{16u, 0, 0, 0}).as<DeviceInfo>();
  EXPECT_EQ(device.flags, kDeviceCanReset | kDeviceIsPci);
  EXPECT_EQ(device.regions, 9u);
  EXPECT_EQ(device.irqs, 5u);
  const auto bar = world.ask(Command::kRegionInfo, RegionInfo{32u, 0, 1, 0, 0, 0}).as<RegionInfo>();
  EXPECT_EQ(bar.size, 4096u);
  EXPECT_EQ(bar.flags, kRegionCanRead | kRegionCanWrite);
  EXPECT_EQ(world.ask(Command::kRegionInfo, RegionInfo{32u, 0, 0, 0, 0, 0}).as<RegionInfo>().size, 0u);
  EXPECT_EQ(world.ask(Command::kRegionInfo, RegionInfo{32u, 0, 7, 0, 0, 0}).as<RegionInfo>().size, 4096u);
  const auto msix = world.ask(Command::kIrqInfo, IrqInfo{16u, 0, kIrqMsix, 0}).as<IrqInfo>();
  EXPECT_EQ(msix.count, 4u);
  EXPECT_EQ(msix.flags, kIrqEventfd | kIrqNoResize);
  EXPECT_EQ(world.ask(Command::kIrqInfo, IrqInfo{16u, 0, kIrqError, 0}).as<IrqInfo>().count, 0u);
  EXPECT_EQ(world.refused_struct(Command::kRegionInfo, RegionInfo{32u, 0, 9, 0, 0, 0}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kRegionInfo, RegionInfo{31u, 0, 1, 0, 0, 0}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kIrqInfo, IrqInfo{16u, 0, 5, 0}), unsigned{EINVAL});
  EXPECT_EQ(world.refused(Command::kDeviceInfo, {}), unsigned{EINVAL});
}

TEST(VfioUserServer, AccessesBeyondARegionAreRefused) {
  World world;
  world.negotiate();
  EXPECT_EQ(world.ask(Command::kRegionRead, RegionAccess{0, 7, 4}).as<le32>(sizeof(RegionAccess)), 0x70f11af4u);
  EXPECT_EQ(world.refused_struct(Command::kRegionRead, RegionAccess{4093, 7, 4}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kRegionRead, RegionAccess{~std::uint64_t{0}, 7, 4}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kRegionRead, RegionAccess{0, 99, 4}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kRegionRead, RegionAccess{0, 0, 1}), unsigned{EINVAL});  // no BAR 0
  EXPECT_EQ(world.refused_struct(Command::kRegionRead, RegionAccess{0, 7, 0xffffffff}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kRegionWrite, RegionAccess{0, 7, 4}), unsigned{EINVAL});  // no data
  EXPECT_EQ(world.refused_struct(Command::kRegionWrite, RegionAccess{0, 99, 0}), unsigned{EINVAL});
}

TEST(VfioUserServer, OddReadsAreCutIntoAlignedOnes) {
  World world;
  world.negotiate();
  const auto reply = world.ask(Command::kRegionRead, RegionAccess{1, 7, 10});
  ASSERT_EQ(reply.payload.size(), sizeof(RegionAccess) + 10);
  EXPECT_EQ(reply.payload[sizeof(RegionAccess)], std::byte{0x1a});
  EXPECT_EQ(reply.payload[sizeof(RegionAccess) + 2], std::byte{0x70});
  EXPECT_EQ(reply.payload[sizeof(RegionAccess) + 7], std::byte{3});  // revision
}

TEST(VfioUserServer, WritesThatWantNoReplyGetNone) {
  World world;
  world.negotiate();
  world.config_write(4, 2);
  struct {
    RegionAccess access{toy::Scratch::kOffset, 1, 4};
    le32 value{0x1234};
  } request;
  world.peer.send_struct(Command::kRegionWrite, request, {}, Header::NoReply::of(true));
  EXPECT_EQ(world.ask(Command::kRegionRead, RegionAccess{toy::Scratch::kOffset, 1, 4}).as<le32>(16), 0x1234u);
  EXPECT_FALSE(world.peer.receive().has_value());
}

TEST(VfioUserServer, SeveralWritesInOneMessage) {
  World world;
  world.negotiate();
  world.config_write(4, 2);
  struct {
    le64 count{2};
    OneWrite writes[2] = {{0x10, 1, 4, {1, 0, 0, 0}}, {0x14, 1, 4, {2, 0, 0, 0}}};
  } request;
  EXPECT_EQ(world.ask(Command::kWriteMulti, request).as<le64>(), 2u);
  EXPECT_EQ(world.ask(Command::kRegionRead, RegionAccess{0x14, 1, 4}).as<le32>(16), 2u);
  request.count = 3;
  EXPECT_EQ(world.refused_struct(Command::kWriteMulti, request), unsigned{EINVAL});
  request.count = ~std::uint64_t{0} / sizeof(OneWrite) + 1;
  EXPECT_EQ(world.refused_struct(Command::kWriteMulti, request), unsigned{EINVAL});
  request.count = 2;
  request.writes[1].count = 9;
  EXPECT_EQ(world.refused_struct(Command::kWriteMulti, request), unsigned{EINVAL});
}

TEST(VfioUserServer, EveryBufferedMessageIsAnsweredInOneWakeup) {
  World world;
  world.negotiate();
  for (int i = 0; i < 200; ++i) world.peer.send_struct(Command::kRegionRead, RegionAccess{0, 7, 4});
  world.reactor->run_once();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(world.peer.receive().has_value()) << i;
}

TEST(VfioUserServer, MessageMayComeInPieces) {
  World world;
  world.negotiate();
  const RegionAccess access{0, 7, 4};
  for (const std::byte each : VfioUserPeer::message(Command::kRegionRead, std::as_bytes(std::span(&access, 1)))) {
    world.peer.send_bytes(std::span(&each, 1));
    world.run();
  }
  EXPECT_EQ(world.answer().as<le32>(16), 0x70f11af4u);
}

TEST(VfioUserServer, BrokenFramingEndsTheConnection) {
  for (const Header header : {Header{1, 9, 15, 0, 0}, Header{1, 9, 0x7fffffff, 0, 0}, Header{1, 9, 16, 2, 0}}) {
    World world;
    world.negotiate();
    ExpectLog expect("a message header is wrong");
    world.peer.send_bytes(std::as_bytes(std::span(&header, 1)));
    world.run();
    EXPECT_TRUE(world.peer.closed());
    EXPECT_FALSE(world.host.connected());
  }
}

TEST(VfioUserServer, TooManyDescriptorsEndTheConnection) {
  World world;
  world.negotiate();
  const base::Fd fd = memory(4096);
  ExpectLog expect("too many file descriptors");
  world.peer.send_struct(Command::kReset, le32{}, std::vector<int>(40, fd.get()));
  world.run();
  EXPECT_TRUE(world.peer.closed());
}

TEST(VfioUserServer, DmaGoesToTheMappedFile) {
  World world;
  world.negotiate();
  world.config_write(4, 6);
  const base::Fd fd = memory(8192);
  ASSERT_EQ(pwrite(fd.get(), "hello", 5, 4096), 5);
  EXPECT_TRUE(world.ask(Command::kDmaMap, map_of(0x100000, 4096, 4096), {fd.get()}).payload.empty());
  EXPECT_TRUE(world.ask(Command::kDmaMap, map_of(0x200000, 4096, 0), {fd.get()}).payload.empty());
  std::array<std::byte, 5> got{};
  EXPECT_TRUE(world.host.dma_read(Iova{0x100000}, got).has_value());
  EXPECT_EQ(std::memcmp(got.data(), "hello", 5), 0);
  EXPECT_TRUE(world.host.dma_write(Iova{0x200ffb}, got).has_value());
  char text[6] = {};
  ASSERT_EQ(pread(fd.get(), text, 5, 4091), 5);
  EXPECT_STREQ(text, "hello");
}

TEST(VfioUserServer, WrongMapsAreRefused) {
  World world;
  world.negotiate();
  const base::Fd fd = memory(8192);
  const int both[] = {fd.get(), fd.get()};
  EXPECT_FALSE(world.ask(Command::kDmaMap, map_of(0x1000, 8192), {fd.get()}).failed());
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x2000, 4096), {fd.get()}), unsigned{EEXIST});
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x9000, 4096, 8192), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x9000, ~0ull, 4096), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x9000, 0), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(~0ull - 10, 4096), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x9000, 4096, 0, 0), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x9000, 4096), {both[0], both[1]}), unsigned{EINVAL});
  const base::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(world.refused_struct(Command::kDmaMap, map_of(0x9000, 4096), {null.get()}), unsigned{EINVAL});
}

TEST(VfioUserServer, UnmapsAreAnsweredKindly) {
  World world;
  world.negotiate();
  const base::Fd fd = memory(1 << 20);
  const DmaUnmapRequest never{24u, 0, 0x5000, 4096};
  EXPECT_EQ(world.ask(Command::kDmaUnmap, never).as<DmaUnmapRequest>().address, 0x5000u);
  for (std::uint64_t page = 0; page < 256; ++page) {
    ASSERT_FALSE(world.ask(Command::kDmaMap, map_of(page * 8192, 4096, page * 4096), {fd.get()}).failed());
  }
  EXPECT_FALSE(world.ask(Command::kDmaUnmap, DmaUnmapRequest{24u, 0, 0, 128 * 8192}).failed());
  EXPECT_GT(world.model.quiesced, 0);
  world.config_write(4, 6);
  std::array<std::byte, 4> bytes{};
  ExpectLog expect("nothing is mapped");
  EXPECT_FALSE(world.host.dma_read(Iova{0}, bytes).has_value());
  EXPECT_TRUE(world.host.dma_read(Iova{128 * 8192}, bytes).has_value());
  EXPECT_FALSE(world.ask(Command::kDmaUnmap, DmaUnmapRequest{24u, kUnmapAll, 0, 0}).failed());
  EXPECT_FALSE(world.host.dma_read(Iova{128 * 8192}, bytes).has_value());
  EXPECT_EQ(world.refused_struct(Command::kDmaUnmap, DmaUnmapRequest{24u, kUnmapDirtyBitmap, 0, 0}), unsigned{ENOTSUP});
}

TEST(VfioUserServer, MemoryWithoutDescriptorIsReachedByMessages) {
  World world;
  world.negotiate();
  world.config_write(4, 6);
  ASSERT_FALSE(world.ask(Command::kDmaMap, map_of(0x1000, 4096)).failed());
  // The answer is there before the question: both run on this thread. First a request that has to wait its turn.
  world.peer.send_struct(Command::kRegionRead, RegionAccess{0, 7, 4});
  struct {
    DmaAccess access{0x1010, 4};
    le32 data{0xcafe};
  } answer;
  world.peer.send_bytes(VfioUserPeer::message(Command::kDmaRead, std::as_bytes(std::span(&answer, 1)), kReplyType, 1));
  le32 got;
  ASSERT_TRUE(world.host.dma_read(Iova{0x1010}, std::as_writable_bytes(std::span(&got, 1))).has_value());
  EXPECT_EQ(got, 0xcafeu);
  const auto question = world.peer.receive().value();
  EXPECT_EQ(question.header.command, std::uint16_t(Command::kDmaRead));
  EXPECT_EQ(question.as<DmaAccess>().address, 0x1010u);
  EXPECT_EQ(world.answer().as<le32>(16), 0x70f11af4u);  // the request that was put off
}

TEST(VfioUserServer, ClientThatDoesNotServeItsMemoryIsAskedOnce) {
  World world;
  world.negotiate();
  world.config_write(4, 6);
  ASSERT_FALSE(world.ask(Command::kDmaMap, map_of(0x1000, 4096)).failed());
  world.peer.send_bytes(VfioUserPeer::message(Command::kDmaRead, {}, kReplyType | Header::Failed::of(true), 1));
  ExpectLog expect("the client");
  std::array<std::byte, 4> bytes{};
  EXPECT_FALSE(world.host.dma_read(Iova{0x1000}, bytes).has_value());
  EXPECT_EQ(world.host.faults(), 1u);
  EXPECT_TRUE(world.host.connected());
}

SetIrqsRequest irqs(std::uint32_t flags, std::uint32_t index, std::uint32_t start, std::uint32_t count) {
  return {20u, flags, index, start, count};
}

TEST(VfioUserServer, InterruptsGoToTheirEventfds) {
  World world;
  world.negotiate();
  const base::Fd first(eventfd(0, EFD_NONBLOCK)), third(eventfd(0, EFD_NONBLOCK));
  const std::uint32_t set = SetIrqsRequest::Eventfds::of(true) | SetIrqsRequest::Trigger::of(true);
  EXPECT_FALSE(world.ask(Command::kSetIrqs, irqs(set, kIrqMsix, 0, 1), {first.get()}).failed());
  EXPECT_FALSE(world.ask(Command::kSetIrqs, irqs(set, kIrqMsix, 2, 1), {third.get()}).failed());
  EXPECT_EQ(world.host.interrupts(), InterruptKind::kMsix);
  std::uint64_t count;
  world.host.raise(2);
  EXPECT_EQ(read(third.get(), &count, 8), 8);
  world.host.raise(1);  // nobody listens
  EXPECT_EQ(read(first.get(), &count, 8), -1);
  EXPECT_FALSE(world.ask(Command::kSetIrqs, irqs(set, kIrqMsix, 2, 1)).failed());  // no descriptor: taken away
  world.host.raise(2);
  EXPECT_EQ(read(third.get(), &count, 8), -1);
  const std::uint32_t trigger = SetIrqsRequest::NoData::of(true) | SetIrqsRequest::Trigger::of(true);
  EXPECT_FALSE(world.ask(Command::kSetIrqs, irqs(trigger, kIrqMsix, 0, 1)).failed());
  EXPECT_EQ(read(first.get(), &count, 8), 8);
  EXPECT_FALSE(world.ask(Command::kSetIrqs, irqs(trigger, kIrqMsix, 0, 0)).failed());
  EXPECT_EQ(world.host.interrupts(), InterruptKind::kNone);
}

TEST(VfioUserServer, WrongInterruptRequestsAreRefused) {
  World world;
  world.negotiate();
  const base::Fd fd(eventfd(0, EFD_NONBLOCK));
  const std::uint32_t set = SetIrqsRequest::Eventfds::of(true) | SetIrqsRequest::Trigger::of(true);
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(set, kIrqMsix, 4, 1), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(set, kIrqMsix, 1, ~0u), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(set, kIrqMsix, 0, 2), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(set, kIrqError, 0, 1), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(set, 5, 0, 1), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(0x24 | 1, kIrqMsix, 0, 1), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(4 | 8 | 32, kIrqMsix, 0, 1), {fd.get()}), unsigned{EINVAL});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(4 | 8, kIrqIntx, 0, 1), {fd.get()}), unsigned{ENOTSUP});
  EXPECT_EQ(world.refused_struct(Command::kSetIrqs, irqs(2 | 32, kIrqMsix, 0, 3)), unsigned{EINVAL});  // no booleans
  EXPECT_EQ(world.host.interrupts(), InterruptKind::kNone);
}

TEST(VfioUserServer, WhatIsNotThereIsRefusedPolitely) {
  World world;
  world.negotiate();
  for (const int command : {0, 6, 11, 14, 16, 17, 400}) {
    EXPECT_EQ(world.refused(static_cast<Command>(command), {}), unsigned{ENOTSUP}) << command;
  }
}

TEST(VfioUserServer, ResetReachesTheModel) {
  World world;
  world.negotiate();
  const int before = world.model.resets;
  EXPECT_FALSE(world.refused(Command::kReset, {}));
  EXPECT_EQ(world.model.resets, before + 1);
}

TEST(VfioUserServer, ClientThatGoesLeavesNothingBehind) {
  World world;
  world.negotiate();
  world.config_write(4, 6);
  const base::Fd fd = memory(4096);
  ASSERT_FALSE(world.ask(Command::kDmaMap, map_of(0x1000, 4096), {fd.get()}).failed());
  world.peer.no_more();
  world.run();
  EXPECT_FALSE(world.host.connected());
  EXPECT_FALSE(world.host.config().bus_master());
  world.host.config_write(4, 2, 4);
  std::array<std::byte, 4> bytes{};
  ExpectLog expect("nothing is mapped");
  EXPECT_FALSE(world.host.dma_read(Iova{0x1000}, bytes).has_value());
}

// A driver that goes and comes at once, as when a port is made anew, finds its device free.
TEST(VfioUserServer, ClientThatComesWhenAnotherHasJustLeftIsServed) {
  base::ManualClock clock;
  const auto reactor = Reactor::create({.name = "server", .clock = &clock, .shuffle_seed = 1}).value();
  const std::string path = testing::TempDir() + "/server-" + std::to_string(getpid()) + ".sock";
  {
    emu::ServedHost host(*reactor, clock, "toy");
    test_support::ToyModel model{host};
    host.attach(model);
    ASSERT_TRUE(host.listen(path).has_value());
    const auto run = [&] {
      while (reactor->run_once()) {
      }
    };
    for (int round = 0; round < 8; ++round) {  // in either order of the two events
      const base::Fd first = connect_to(path).value();
      run();
      EXPECT_TRUE(host.connected());
      shutdown(first.get(), SHUT_RDWR);
      const base::Fd second = connect_to(path).value();
      run();
      char byte;
      EXPECT_EQ(recv(second.get(), &byte, 1, MSG_DONTWAIT), -1) << "turned away in round " << round;
      EXPECT_TRUE(host.connected());
      shutdown(second.get(), SHUT_RDWR);
      run();
      EXPECT_FALSE(host.connected());
    }
  }
}

}  // namespace
}  // namespace hal::vfio_user
