// Unit tests of a modelled function's configuration space.
#include "emu/host/config_space.h"

#include <gtest/gtest.h>

namespace emu {
namespace {

Identity sample() {
  Identity identity;
  identity.vendor = 0x1077;
  identity.device = 0x2532;
  identity.subsystem_vendor = 0x1077;
  identity.subsystem = 0x015d;
  identity.revision = 2;
  identity.class_code = 0x0c0400;
  identity.bars[1] = {.size = 0x4000, .is_64bit = true};
  identity.msi_vectors = 1;
  identity.msix_vectors = 4;
  identity.msix_bar = hal::Bar::k3;
  identity.msix_pending = 0x800;
  return identity;
}

TEST(ConfigSpace, HeaderSaysWhoItIs) {
  const ConfigSpace config(sample());
  EXPECT_EQ(config.read(0x00, 4), 0x25321077u);
  EXPECT_EQ(config.read(0x08, 4), 0x0c040002u);
  EXPECT_EQ(config.read(0x2c, 4), 0x015d1077u);
  EXPECT_EQ(config.read(0x3d, 1), 1u);
}

TEST(ConfigSpace, CapabilitiesAreWhereTheAdapterHasThem) {
  const ConfigSpace config(sample());
  EXPECT_EQ(config.read(0x06, 2) & 0x10, 0x10u);
  EXPECT_EQ(config.read(0x34, 1), 0x4cu);
  EXPECT_EQ(config.read(0x4c, 2), 0x8810u);
  EXPECT_EQ(config.read(0x88, 4), 0x0080a005u);  // 64-bit, one vector
  EXPECT_EQ(config.read(0xa0, 4), 0x00030011u);  // 4 vectors
  EXPECT_EQ(config.read(0xa4, 4), 3u);
  EXPECT_EQ(config.read(0xa8, 4), 0x803u);
}

TEST(ConfigSpace, SizeOfBarIsFoundByWritingOnes) {
  ConfigSpace config(sample());
  config.write(0x14, 4, 0xffffffff);
  config.write(0x18, 4, 0xffffffff);
  EXPECT_EQ(config.read(0x14, 4), 0xffffc004u);
  EXPECT_EQ(config.read(0x18, 4), 0xffffffffu);
  config.write(0x10, 4, 0xffffffff);
  EXPECT_EQ(config.read(0x10, 4), 0u);  // there is none
}

TEST(ConfigSpace, CommandHoldsOnlyItsBits) {
  ConfigSpace config(sample());
  EXPECT_EQ(config.write(0x04, 2, 0xffff), ConfigSpace::Effect::kInterrupts);  // INTx disabled
  EXPECT_EQ(config.read(0x04, 2), 0x0547u);
  EXPECT_TRUE(config.bus_master() && config.memory_enabled() && config.intx_disabled());
  EXPECT_EQ(config.write(0x04, 1, 0), ConfigSpace::Effect::kNone);
  EXPECT_FALSE(config.bus_master());
  config.write(0x00, 4, 0);
  EXPECT_EQ(config.read(0x00, 2), 0x1077u);
}

TEST(ConfigSpace, FunctionResetBitAsksForIt) {
  ConfigSpace config(sample());
  EXPECT_EQ(config.write(0x54, 2, 0x2810), ConfigSpace::Effect::kNone);
  EXPECT_EQ(config.write(0x54, 2, 0xa810), ConfigSpace::Effect::kFunctionReset);
  EXPECT_EQ(config.write(0x55, 1, 0xa8), ConfigSpace::Effect::kFunctionReset);
  EXPECT_EQ(config.read(0x54, 2), 0x2810u);
}

TEST(ConfigSpace, AccessesBeyondItAreHarmless) {
  Identity identity = sample();
  identity.pci_express = false;
  ConfigSpace config(identity);
  EXPECT_EQ(config.read(256, 4), 0u);
  EXPECT_EQ(config.write(0x100, 4, 0xffffffff), ConfigSpace::Effect::kNone);
  EXPECT_EQ(config.write(0xfffe, 4, 0xffffffff), ConfigSpace::Effect::kNone);
  EXPECT_EQ(config.read(256, 4), 0u);
}

}  // namespace
}  // namespace emu
