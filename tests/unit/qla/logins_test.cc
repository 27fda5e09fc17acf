// Numbers of logins: spread over the queues, and what tells an ended one from the next of the same number.
#include "drivers/qla/logins.h"

#include <gtest/gtest.h>

#include <array>

namespace qla {
namespace {

Login login_of(std::uint32_t s_id) {
  Login login;
  login.state = LoginState::kOpen;
  login.remote.id.raw = s_id;
  return login;
}

TEST(Logins, EachQueueGetsItsShare) {
  Logins logins(64, 4);
  std::array<int, 4> taken{};
  for (std::uint32_t i = 0; i < 40; ++i) ++taken[logins.add(login_of(0x10000 + i)) % 4];
  for (const int count : taken) EXPECT_EQ(count, 10);
  for (hal::fc::LoginId id = 1; id < 40; id = static_cast<hal::fc::LoginId>(id + 4)) {  // those of queue 1
    logins.end(id);
    logins.release(id);
  }
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(logins.add(login_of(0x20000 + i)) % 4, 1);
}

TEST(Logins, OfTheFirstQueuesOnly) {
  Logins logins(16, 4);
  logins.use_queues(1);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(logins.add(login_of(0x10000 + i)) % 4, 0);
  EXPECT_TRUE(logins.full());
  EXPECT_EQ(logins.add(login_of(0x20000)), Logins::kNone);
}

TEST(Logins, AnotherGenerationOnceItHasEnded) {
  Logins logins(1);
  const hal::fc::LoginId id = logins.add(login_of(0x10000));
  const std::uint32_t generation = logins.generation(id);
  logins.end(id);
  EXPECT_NE(logins.generation(id), generation);
  const std::uint32_t ended = logins.generation(id);
  logins.release(id);
  EXPECT_EQ(logins.add(login_of(0x10000)), id);
  EXPECT_EQ(logins.generation(id), ended);
}

}  // namespace
}  // namespace qla
