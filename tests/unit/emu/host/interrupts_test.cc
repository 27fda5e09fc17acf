// Unit tests of a modelled function's interrupts.
#include "emu/host/interrupts.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace emu {
namespace {

// How often the eventfd was signalled since it was asked last.
std::uint64_t count(const Interrupts& interrupts, unsigned vector) {
  std::uint64_t times = 0;
  return read(interrupts.fd(vector), &times, sizeof times) == sizeof times ? times : 0;
}

void choose(Interrupts& interrupts, hal::InterruptKind kind, unsigned vectors) {
  std::vector<base::Fd> fds;
  for (unsigned i = 0; i < vectors; ++i) fds.emplace_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  interrupts.choose(kind, std::move(fds));
}

TEST(Interrupts, MessageGoesToItsVector) {
  Interrupts interrupts(4);
  choose(interrupts, hal::InterruptKind::kMsix, 2);
  interrupts.raise(1);
  interrupts.raise(7);  // not enabled: dropped
  EXPECT_EQ(count(interrupts, 0), 0u);
  EXPECT_EQ(count(interrupts, 1), 1u);
}

TEST(Interrupts, MaskedVectorIsPendingUntilUnmasked) {
  Interrupts interrupts(4);
  choose(interrupts, hal::InterruptKind::kMsix, 2);
  interrupts.table_write(16 + 12, 1);
  interrupts.raise(1);
  interrupts.raise(1);
  EXPECT_EQ(count(interrupts, 1), 0u);
  EXPECT_EQ(interrupts.pending_read(0), 2u);
  interrupts.table_write(16 + 12, 0);
  EXPECT_EQ(count(interrupts, 1), 1u);
  EXPECT_EQ(interrupts.pending_read(0), 0u);
}

TEST(Interrupts, FunctionMaskHoldsAllBack) {
  Interrupts interrupts(4);
  choose(interrupts, hal::InterruptKind::kMsix, 4);
  interrupts.mask_messages(true);
  interrupts.raise(0);
  interrupts.raise(3);
  EXPECT_EQ(interrupts.pending_read(0), 9u);
  interrupts.mask_messages(false);
  EXPECT_EQ(count(interrupts, 0), 1u);
  EXPECT_EQ(count(interrupts, 3), 1u);
}

TEST(Interrupts, LevelFiresOncePerUnmask) {
  Interrupts interrupts(0);
  choose(interrupts, hal::InterruptKind::kIntx, 1);
  interrupts.set_level(true);
  interrupts.set_level(true);
  EXPECT_EQ(count(interrupts, 0), 1u);
  interrupts.mask(0, false);  // still asserted
  EXPECT_EQ(count(interrupts, 0), 1u);
  interrupts.set_level(false);
  interrupts.mask(0, false);
  EXPECT_EQ(count(interrupts, 0), 0u);
}

TEST(Interrupts, CommandBitHoldsTheLevelBack) {
  Interrupts interrupts(0);
  interrupts.set_level(true);  // before anybody listens
  interrupts.disable_intx(true);
  choose(interrupts, hal::InterruptKind::kIntx, 1);
  EXPECT_EQ(count(interrupts, 0), 0u);
  interrupts.disable_intx(false);
  EXPECT_EQ(count(interrupts, 0), 1u);
}

TEST(Interrupts, NoMessageWhereTheLevelWasChosen) {
  Interrupts interrupts(4);
  choose(interrupts, hal::InterruptKind::kIntx, 1);
  interrupts.raise(0);
  EXPECT_EQ(count(interrupts, 0), 0u);
}

TEST(Interrupts, TableReadsBackAndEndsWhereItEnds) {
  Interrupts interrupts(2);
  EXPECT_EQ(interrupts.table_read(12), 1u);  // masked at power-on
  interrupts.table_write(0, 0xfee00000);
  interrupts.table_write(32, 5);
  EXPECT_EQ(interrupts.table_read(0), 0xfee00000u);
  EXPECT_EQ(interrupts.table_read(32), ~0u);
}

}  // namespace
}  // namespace emu
