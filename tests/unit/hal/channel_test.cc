// Channel: order, room, what waits beyond it, one wake-up for a batch, and the end of its owner.
#include "hal/channel.h"

#include <gtest/gtest.h>

namespace {

struct ChannelTest : testing::Test {
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reader = [this] {
    hal::ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 1;
    return hal::Reactor::create(options).value();
  }();
};

TEST_F(ChannelTest, SeenAfterFlushInOrder) {
  hal::Channel<int, 4> channel(*reader);
  EXPECT_EQ(channel.front(), nullptr);
  ASSERT_TRUE(channel.has_room(4));
  for (int i = 0; i < 3; ++i) channel.next() = i;
  EXPECT_EQ(channel.front(), nullptr);
  EXPECT_TRUE(channel.flush());
  EXPECT_FALSE(channel.flush());
  ASSERT_NE(channel.front(2), nullptr);
  EXPECT_EQ(channel.front(3), nullptr);
  for (int i = 0; i < 3; ++i, channel.pop()) EXPECT_EQ(*channel.front(), i);
  EXPECT_EQ(channel.front(), nullptr);
}

TEST_F(ChannelTest, NoRoomUntilTheReaderHasTaken) {
  hal::Channel<int, 4> channel(*reader);
  for (int i = 0; i < 4; ++i) channel.next() = i;
  EXPECT_FALSE(channel.has_room(1));
  channel.flush();
  channel.pop(2);
  EXPECT_TRUE(channel.has_room(2));
  EXPECT_FALSE(channel.has_room(3));
}

// What must not be lost waits in order, and nothing overtakes it.
TEST_F(ChannelTest, WhatIsAddedToAFullOneComesLater) {
  hal::Channel<int, 4> channel(*reader);
  for (int i = 0; i < 10; ++i) channel.add(i);
  EXPECT_FALSE(channel.has_room(1));
  EXPECT_FALSE(channel.all_shown());
  for (int expected = 0; expected < 10; ++expected) {
    channel.flush();
    ASSERT_NE(channel.front(), nullptr);
    EXPECT_EQ(*channel.front(), expected);
    channel.pop();
    if (expected == 3) {
      EXPECT_FALSE(channel.has_room(1));
    }
  }
  EXPECT_TRUE(channel.all_shown());
  EXPECT_TRUE(channel.has_room(4));
}

TEST_F(ChannelTest, OneWakeUpForABatch) {
  int woken = 0;
  hal::Channel<int, 8> channel(
      *reader, [](void* count) { ++*static_cast<int*>(count); }, &woken);
  for (int i = 0; i < 5; ++i) {
    channel.next() = i;
    channel.flush();
  }
  EXPECT_TRUE(channel.waking());
  reader->run_once();
  EXPECT_EQ(woken, 1);
  EXPECT_FALSE(channel.waking());
  channel.wake();
  reader->run_once();
  EXPECT_EQ(woken, 2);
}

TEST_F(ChannelTest, ItsOwnerMayGoBeforeTheWakeUpArrives) {
  int woken = 0;
  {
    hal::Channel<int, 8> channel(
        *reader, [](void* count) { ++*static_cast<int*>(count); }, &woken);
    channel.add(1);
    channel.flush();
  }
  reader->run_once();
  EXPECT_EQ(woken, 0);
}

}  // namespace
