// Typed registers: what compiles, and that fields lie where their numbers say.
#include "hal/reg.h"

#include <gtest/gtest.h>

namespace hal {
namespace {

enum class HostCommand : std::uint8_t { kNop = 0, kReset = 1, kSetInterrupt = 5 };

struct Control : Reg<Control, 0x48, std::uint32_t, Access::kRw> {
  using Command = Field<31, 28, HostCommand>;
  using Enable = Flag<5>;
};
struct Version : Reg<Version, 0x00, std::uint32_t, Access::kRo> {
  using Major = Field<15, 8>;
};
struct Doorbell : RegArray<Doorbell, 0x1000, std::uint32_t, Access::kWo, 16, 0x80> {};
struct Cause : Reg<Cause, 0x50, std::uint16_t, Access::kW1c> {
  using Queue = Flag<0>;
};
struct Events : Reg<Events, 0x58, std::uint64_t, Access::kRc> {};

template <class R, class F>
concept HasField = requires(R value) {
  value.template get<F>();
};

static_assert(Readable<Control> && Writable<Control> && Modifiable<Control>);
static_assert(Readable<Version> && !Writable<Version> && !Modifiable<Version>);
static_assert(!Readable<Doorbell> && Writable<Doorbell> && !Modifiable<Doorbell>);
static_assert(Readable<Cause> && Writable<Cause> && !Modifiable<Cause>, "read-modify-write would clear other causes");
static_assert(Readable<Events> && !Writable<Events> && !Modifiable<Events>);
static_assert(HasField<Control, Control::Command> && !HasField<Control, Version::Major>);
static_assert(!Register<int>);
static_assert(IsArray<Doorbell> && !IsArray<Control>);

TEST(Reg, FieldsLieWhereTheirNumbersSay) {
  Control control;
  control.set<Control::Command>(HostCommand::kSetInterrupt).set<Control::Enable>(true);
  EXPECT_EQ(control.raw, 0x50000020u);
  control.raw = 0xffffffff;
  control.set<Control::Command>(HostCommand::kReset);
  EXPECT_EQ(control.raw, 0x1fffffffu);
  EXPECT_EQ(control.get<Control::Command>(), HostCommand::kReset);
  EXPECT_TRUE(control.get<Control::Enable>());
  Version version;
  version.raw = 0xab12cd;
  EXPECT_EQ(version.get<Version::Major>(), 0x12u);
}

TEST(Reg, AnArrayStepsByItsStride) {
  EXPECT_EQ(offset_of<Doorbell>(0), 0x1000u);
  EXPECT_EQ(offset_of<Doorbell>(15), 0x1780u);
  EXPECT_EQ(offset_of<Control>(), 0x48u);
}

}  // namespace
}  // namespace hal
