// Unit tests of the vfio-user client against a server that answers wrongly. The answers are in the socket before the
// questions, so that nothing waits.
#include "hal/vfio_user/client.h"

#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/support/vfio_user_peer.h"

namespace hal::vfio_user {
namespace {

using test_support::VfioUserPeer;

struct World {
  VfioUserPeer peer;
  std::uint16_t next = 1;
  template <class T>
  void answer(Command command, const T& value, std::uint32_t flags = kReplyType) {
    peer.send_bytes(VfioUserPeer::message(command, std::as_bytes(std::span(&value, 1)), flags, next++));
  }
  base::Result<std::unique_ptr<PciDevice>> open() {
    peer.no_more();
    return vfio_user::open(peer.take_other_end(), "liar");
  }
};

TEST(VfioUserClient, ServerThatSaysNothingIsNoDevice) {
  World world;
  ExpectLog expect("the device is gone");
  EXPECT_FALSE(world.open().has_value());
}

TEST(VfioUserClient, OtherVersionIsRefused) {
  World world;
  world.answer(Command::kVersion, Version{1, 0});
  const auto opened = world.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, base::Errc::kUnsupported);
}

TEST(VfioUserClient, AnswerToAnotherQuestionIsPassedOver) {
  World world;
  world.peer.send_bytes(VfioUserPeer::message(Command::kReset, {}, kReplyType, 1));  // right number, wrong command
  world.peer.send_bytes(VfioUserPeer::message(Command::kVersion, {}, kReplyType, 99));
  world.answer(Command::kVersion, Version{0, 1});
  world.answer(Command::kDeviceInfo, DeviceInfo{16u, 0, 9, 5});  // not PCI
  EXPECT_EQ(world.open().error().code, base::Errc::kUnsupported);
}

TEST(VfioUserClient, ShortAnswerIsAnError) {
  World world;
  world.answer(Command::kVersion, Version{0, 1});
  world.answer(Command::kDeviceInfo, le32{16});
  EXPECT_EQ(world.open().error().code, base::Errc::kIo);
}

TEST(VfioUserClient, RequestsOfTheServerAreRefused) {
  World world;
  const DmaAccess access{0x1000, 4};
  world.peer.send_struct(Command::kDmaRead, access);
  world.answer(Command::kVersion, Version{0, 1});
  ExpectLog expect("the device is gone");
  EXPECT_FALSE(world.open().has_value());
  EXPECT_EQ(world.peer.receive()->header.command, std::uint16_t(Command::kVersion));
  const auto refusal = world.peer.receive();
  ASSERT_TRUE(refusal.has_value());
  EXPECT_TRUE(refusal->failed());
  EXPECT_EQ(refusal->header.command, std::uint16_t(Command::kDmaRead));
}

}  // namespace
}  // namespace hal::vfio_user
