// Unit tests of RESERVE, RELEASE, CLEAR, PREEMPT (AND ABORT), REPLACE LOST RESERVATION and of SPC-2's RESERVE/RELEASE.
#include "tests/unit/scsi_core/reservation/table_fixture.h"

namespace scsi {
namespace {

using namespace test;

class ReserveTest : public TableTest {
 protected:
  void SetUp() override {
    enroll(a_, kKeyA);
    enroll(b_, kKeyB);
  }
  void restart(ReservationType type) {
    table_ = {};
    SetUp();
    reserve(a_, kKeyA, type);
  }
  ReserveResult preempt(const NexusKey& nexus, std::uint64_t key, std::uint64_t service_key,
                        ReservationType type = ReservationType::kWriteExclusive) {
    return out(nexus, ReserveAction::kPreempt, key, service_key, type);
  }
};

// --- RESERVE ---

TEST_F(ReserveTest, RegisteredNexusReserves) {
  for (const ReservationType type : kAllTypes) {
    restart(type);
    EXPECT_EQ(table_.type(), type);
    EXPECT_TRUE(table_.holds(a_));
    EXPECT_EQ(table_.holds(b_), is_all_registrants(type));
    EXPECT_EQ(table_.generation(), 2u);
  }
}

TEST_F(ReserveTest, UnregisteredNexusConflicts) {
  for (const ReserveAction action :
       {ReserveAction::kReserve, ReserveAction::kRelease, ReserveAction::kClear, ReserveAction::kPreempt,
        ReserveAction::kPreemptAndAbort, ReserveAction::kRegisterAndMove, ReserveAction::kReplaceLost}) {
    expect_conflict(out(c_, action, 0, kKeyA, ReservationType::kWriteExclusive));
  }
}

TEST_F(ReserveTest, WrongKeyConflicts) {
  for (const ReserveAction action :
       {ReserveAction::kReserve, ReserveAction::kRelease, ReserveAction::kClear, ReserveAction::kPreempt,
        ReserveAction::kPreemptAndAbort, ReserveAction::kRegisterAndMove}) {
    expect_conflict(out(a_, action, kKeyB, kKeyA, ReservationType::kWriteExclusive));
  }
}

TEST_F(ReserveTest, SameTypeByAHolderIsGoodAndChangesNothing) {
  for (const ReservationType type : kAllTypes) {
    restart(type);
    const auto result = out(a_, ReserveAction::kReserve, kKeyA, 0, type);
    expect_good(result);
    EXPECT_FALSE(result.changed);
  }
}

TEST_F(ReserveTest, OtherTypeByAHolderConflicts) {
  for (const ReservationType type : kAllTypes) {
    for (const ReservationType other : kAllTypes) {
      if (other == type) continue;
      restart(type);
      expect_conflict(out(a_, ReserveAction::kReserve, kKeyA, 0, other));
    }
  }
}

TEST_F(ReserveTest, AnotherRegistrantConflictsUnlessItHoldsToo) {
  for (const ReservationType type : kAllTypes) {
    restart(type);
    const auto result = out(b_, ReserveAction::kReserve, kKeyB, 0, type);
    EXPECT_EQ(result.outcome.status, is_all_registrants(type) ? Status::kGood : Status::kReservationConflict);
  }
}

TEST_F(ReserveTest, ScopeAndTypeAreChecked) {
  for (std::uint8_t scope = 1; scope < 16; ++scope) {
    expect_bad_cdb(apply(a_, {.action = ReserveAction::kReserve, .scope = scope, .type = 1, .key = kKeyA}), 2);
  }
  for (std::uint8_t type = 0; type < 16; ++type) {
    const auto result = apply(a_, {.action = ReserveAction::kReserve, .type = type, .key = kKeyA});
    if (!is_reservation_type(type)) expect_bad_cdb(result, 2);
    if (result.changed) expect_good(out(a_, ReserveAction::kRelease, kKeyA, 0, static_cast<ReservationType>(type)));
  }
}

// --- RELEASE ---

TEST_F(ReserveTest, HolderReleasesAndOthersAreToldOfSharedTypes) {
  for (const ReservationType type : kAllTypes) {
    restart(type);
    enroll(c_, kKeyC);
    const std::uint32_t before = table_.generation();
    const auto result = out(a_, ReserveAction::kRelease, kKeyA, 0, type);
    expect_good(result);
    EXPECT_EQ(table_.type(), ReservationType::kNone);
    EXPECT_EQ(table_.registrations().size(), 3u);
    EXPECT_EQ(table_.generation(), before);
    const bool tells = is_registrants_only(type) || is_all_registrants(type);
    EXPECT_EQ(told(result, kReservationsReleased), tells ? (std::vector{b_, c_}) : std::vector<NexusKey>{});
  }
}

TEST_F(ReserveTest, ReleaseByARegistrantThatDoesNotHoldIsGoodAndDoesNothing) {
  for (const ReservationType type : kAllTypes) {
    if (is_all_registrants(type)) continue;
    restart(type);
    const auto result = out(b_, ReserveAction::kRelease, kKeyB, 0, type);
    expect_good(result);
    EXPECT_FALSE(result.changed);
  }
}

TEST_F(ReserveTest, AnyRegistrantReleasesAnAllRegistrantsReservation) {
  restart(ReservationType::kExclusiveAccessAllRegistrants);
  const auto result = out(b_, ReserveAction::kRelease, kKeyB, 0, ReservationType::kExclusiveAccessAllRegistrants);
  EXPECT_EQ(told(result, kReservationsReleased), std::vector{a_});
  EXPECT_EQ(table_.type(), ReservationType::kNone);
}

TEST_F(ReserveTest, ReleaseWithoutReservationIsGood) {
  EXPECT_FALSE(out(a_, ReserveAction::kRelease, kKeyA, 0, ReservationType::kWriteExclusive).changed);
}

TEST_F(ReserveTest, HolderReleasingAnotherTypeOrScopeIsAnInvalidRelease) {
  for (const ReservationType type : kAllTypes) {
    for (const ReservationType other : kAllTypes) {
      if (other == type) continue;
      restart(type);
      expect_sense(out(a_, ReserveAction::kRelease, kKeyA, 0, other), kInvalidReleaseOfPersistentReservation);
    }
    ReserveRequest request{.action = ReserveAction::kRelease, .scope = 1, .key = kKeyA};
    request.type = static_cast<std::uint8_t>(type);
    expect_sense(apply(a_, request), kInvalidReleaseOfPersistentReservation);
  }
}

// --- CLEAR ---

TEST_F(ReserveTest, ClearRemovesEverythingAndTellsTheOtherRegistrants) {
  for (const ReservationType type : kAllTypes) {
    restart(type);
    const std::uint32_t before = table_.generation();
    const auto result = out(b_, ReserveAction::kClear, kKeyB);
    expect_good(result);
    EXPECT_TRUE(table_.registrations().empty());
    EXPECT_EQ(table_.type(), ReservationType::kNone);
    EXPECT_EQ(table_.generation(), before + 1);
    EXPECT_EQ(told(result, kReservationsPreempted), std::vector{a_});
    EXPECT_EQ(attentions(result), 1u);
    EXPECT_TRUE(result.preempted.empty());
  }
}

// --- PREEMPT ---

TEST_F(ReserveTest, PreemptingTheHolderTakesTheReservation) {
  for (const ReservationType type : kAllTypes) {
    if (is_all_registrants(type)) continue;
    restart(type);
    enroll(c_, kKeyC);
    const std::uint32_t before = table_.generation();
    const auto result = preempt(b_, kKeyB, kKeyA, ReservationType::kExclusiveAccess);
    expect_good(result);
    EXPECT_TRUE(table_.holds(b_));
    EXPECT_EQ(table_.type(), ReservationType::kExclusiveAccess);
    EXPECT_FALSE(table_.registered(a_));
    EXPECT_TRUE(table_.registered(c_));
    EXPECT_EQ(table_.generation(), before + 1);
    EXPECT_EQ(told(result, kRegistrationsPreempted), std::vector{a_});
    const bool changes = type != ReservationType::kExclusiveAccess;
    EXPECT_EQ(told(result, kReservationsReleased), changes ? std::vector{c_} : std::vector<NexusKey>{});
    EXPECT_EQ(result.preempted, std::vector{a_});
  }
}

TEST_F(ReserveTest, PreemptingAKeyRemovesEveryRegistrationWithItButTheSenders) {
  table_ = {};
  enroll(a_, kKeyA);
  enroll(b_, kKeyA);
  enroll(c_, kKeyA);
  reserve(a_, kKeyA, ReservationType::kWriteExclusive);
  const auto result = preempt(b_, kKeyA, kKeyA);
  expect_good(result);
  EXPECT_EQ(table_.registrations().size(), 1u);
  EXPECT_TRUE(table_.holds(b_));
  EXPECT_EQ(told(result, kRegistrationsPreempted), (std::vector{a_, c_}));
}

TEST_F(ReserveTest, PreemptingARegistrantThatDoesNotHoldRemovesOnlyItsRegistration) {
  for (const ReservationType type : kAllTypes) {
    restart(type);
    ReserveRequest request{
        .action = ReserveAction::kPreempt, .scope = 7, .type = 15, .key = kKeyA, .service_key = kKeyB};
    const auto result = apply(a_, request);
    expect_good(result);
    EXPECT_EQ(table_.type(), type);
    EXPECT_TRUE(table_.holds(a_));
    EXPECT_FALSE(table_.registered(b_));
    EXPECT_EQ(told(result, kRegistrationsPreempted), std::vector{b_});
    EXPECT_EQ(attentions(result), 1u);
    EXPECT_EQ(result.preempted, std::vector{b_});
  }
}

TEST_F(ReserveTest, PreemptWithoutReservationRemovesRegistrations) {
  const auto result = preempt(a_, kKeyA, kKeyB);
  expect_good(result);
  EXPECT_FALSE(table_.registered(b_));
  EXPECT_EQ(table_.type(), ReservationType::kNone);
  EXPECT_EQ(table_.generation(), 3u);
}

TEST_F(ReserveTest, PreemptingAKeyNobodyHasConflicts) {
  expect_conflict(preempt(a_, kKeyA, kKeyC));
  reserve(a_, kKeyA, ReservationType::kWriteExclusive);
  expect_conflict(preempt(a_, kKeyA, kKeyC));
}

TEST_F(ReserveTest, PreemptingKeyZeroIsRefusedUnlessAllRegistrants) {
  expect_bad_parameter(preempt(a_, kKeyA, 0), 8);
  for (const ReservationType type : kAllTypes) {
    restart(type);
    const auto result = preempt(b_, kKeyB, 0);
    if (!is_all_registrants(type)) {
      expect_bad_parameter(result, 8);
      continue;
    }
    expect_good(result);
    EXPECT_TRUE(table_.holds(b_));
    EXPECT_FALSE(table_.registered(a_));
    EXPECT_EQ(told(result, kRegistrationsPreempted), std::vector{a_});
    EXPECT_EQ(result.preempted, (std::vector{a_, b_}));
  }
}

TEST_F(ReserveTest, PreemptingOnesOwnKeyWhileHoldingChangesTheTypeAndKeepsTheRegistration) {
  restart(ReservationType::kWriteExclusive);
  const auto result = preempt(a_, kKeyA, kKeyA, ReservationType::kExclusiveAccessRegistrantsOnly);
  expect_good(result);
  EXPECT_TRUE(table_.holds(a_));
  EXPECT_EQ(table_.type(), ReservationType::kExclusiveAccessRegistrantsOnly);
  EXPECT_EQ(told(result, kReservationsReleased), std::vector{b_});
  EXPECT_TRUE(told(result, kRegistrationsPreempted).empty());
}

TEST_F(ReserveTest, PreemptingOnesOwnKeyWithoutHoldingRemovesTheRegistrationSilently) {
  restart(ReservationType::kWriteExclusive);
  const auto result = preempt(b_, kKeyB, kKeyB);
  expect_good(result);
  EXPECT_FALSE(table_.registered(b_));
  EXPECT_TRUE(table_.holds(a_));
  EXPECT_EQ(attentions(result), 0u);
}

TEST_F(ReserveTest, PreemptingTheLastRegistrantEndsAnAllRegistrantsReservation) {
  restart(ReservationType::kWriteExclusiveAllRegistrants);
  expect_good(preempt(a_, kKeyA, kKeyB));
  EXPECT_EQ(table_.type(), ReservationType::kWriteExclusiveAllRegistrants);
  expect_good(preempt(a_, kKeyA, kKeyA));
  EXPECT_EQ(table_.type(), ReservationType::kNone);
  EXPECT_TRUE(table_.registrations().empty());
}

TEST_F(ReserveTest, PreemptChecksTheNewTypeOnlyWhenItTakesTheReservation) {
  restart(ReservationType::kWriteExclusive);
  const ReservationTable before = table_;
  expect_bad_cdb(apply(b_, {.action = ReserveAction::kPreempt, .type = 2, .key = kKeyB, .service_key = kKeyA}), 2);
  expect_bad_cdb(
      apply(b_, {.action = ReserveAction::kPreempt, .scope = 2, .type = 1, .key = kKeyB, .service_key = kKeyA}), 2);
  EXPECT_EQ(table_, before);
}

// --- lost reservations ---

class LostTest : public TableTest {
 protected:
  void SetUp() override { table_.mark_lost(); }
  static ReserveRequest replacement() {
    return {.action = ReserveAction::kReplaceLost, .type = 5, .service_key = kKeyA, .persist = true};
  }
};

TEST_F(LostTest, NothingButReplacingWorks) {
  for (int action = 0; action < 8; ++action) {
    expect_sense(out(a_, static_cast<ReserveAction>(action), 0, kKeyA, ReservationType::kWriteExclusive),
                 kPersistentReservationInformationLost);
  }
  expect_sense(table_.reserve(a_), kPersistentReservationInformationLost);
  expect_sense(table_.release(a_), kPersistentReservationInformationLost);
}

TEST_F(LostTest, ReplacingRegistersReservesAndEndsTheCondition) {
  const auto result = apply(a_, replacement());
  expect_good(result);
  EXPECT_EQ(attentions(result), 0u);
  EXPECT_FALSE(table_.lost());
  EXPECT_EQ(key_of(a_), kKeyA);
  EXPECT_EQ(table_.type(), ReservationType::kWriteExclusiveRegistrantsOnly);
  EXPECT_TRUE(table_.holds(a_));
  EXPECT_TRUE(table_.persists());
  EXPECT_EQ(table_.generation(), 0u);
}

TEST_F(LostTest, ReplacingChecksItsFields) {
  ReserveRequest request = replacement();
  request.key = 1;
  expect_bad_parameter(apply(a_, request), 0);
  request = replacement();
  request.service_key = 0;
  expect_bad_parameter(apply(a_, request), 8);
  request = replacement();
  request.all_target_ports = true;
  expect_bad_parameter(apply(a_, request), 20);
  request = replacement();
  request.type = 2;
  expect_bad_cdb(apply(a_, request), 2);
  EXPECT_TRUE(table_.lost());
}

TEST_F(LostTest, ReplacingWhatIsNotLostIsAnInvalidRelease) {
  expect_good(apply(a_, replacement()));
  expect_sense(apply(a_, replacement()), kInvalidReleaseOfPersistentReservation);
  expect_conflict(apply(b_, replacement()));
}

// --- RESERVE and RELEASE of SPC-2 ---

using OldReserveTest = TableTest;

TEST_F(OldReserveTest, ReserveIsExclusiveAndRepeatable) {
  expect_good(table_.reserve(a_));
  expect_good(table_.reserve(a_));
  expect_conflict(table_.reserve(b_));
  EXPECT_EQ(table_.denials().of(a_), 0);
  EXPECT_EQ(table_.denials().of(b_), kDenyRead | kDenyWrite | kDenyOther | kDenyReserved);
}

TEST_F(OldReserveTest, ReleaseByAnotherIsGoodAndDoesNothing) {
  expect_good(table_.reserve(a_));
  const auto result = table_.release(b_);
  expect_good(result);
  EXPECT_FALSE(result.changed);
  EXPECT_TRUE(table_.reserved_by_reserve());
  EXPECT_TRUE(table_.release(a_).changed);
  EXPECT_FALSE(table_.reserved_by_reserve());
}

TEST_F(OldReserveTest, KeepsPersistentReserveOutFromEverybodyAway) {
  expect_good(table_.reserve(a_));
  expect_conflict(out(a_, ReserveAction::kRegister, 0, kKeyA));
  expect_conflict(out(b_, ReserveAction::kRegisterAndIgnore, 0, kKeyB));
}

TEST_F(OldReserveTest, AnyRegistrationMakesReserveAndReleaseConflict) {
  enroll(a_, kKeyA);
  for (const NexusKey& nexus : {a_, b_}) {
    expect_conflict(table_.reserve(nexus));
    expect_conflict(table_.release(nexus));
  }
}

TEST_F(OldReserveTest, CompatibleHandlingLetsThoseThroughThatThePersistentReservationAllows) {
  for (const ReservationType type : kAllTypes) {
    table_ = {};
    enroll(a_, kKeyA);
    enroll(b_, kKeyB);
    reserve(a_, kKeyA, type);
    const ReservationTable before = table_;
    const bool shared = is_registrants_only(type) || is_all_registrants(type);
    expect_good(table_.reserve(a_));
    expect_good(table_.release(a_));
    EXPECT_EQ(table_.reserve(b_).outcome.status, shared ? Status::kGood : Status::kReservationConflict);
    EXPECT_EQ(table_.release(b_).outcome.status, shared ? Status::kGood : Status::kReservationConflict);
    expect_conflict(table_.reserve(c_));
    expect_conflict(table_.release(c_));
    EXPECT_EQ(table_, before);
  }
}

TEST_F(OldReserveTest, EndsWithItsNexusOrAReset) {
  expect_good(table_.reserve(a_));
  EXPECT_FALSE(table_.forget_nexus(b_));
  EXPECT_TRUE(table_.forget_nexus(a_));
  EXPECT_FALSE(table_.reserved_by_reserve());
  expect_good(table_.reserve(a_));
  EXPECT_TRUE(table_.reset());
  EXPECT_FALSE(table_.reset());
}

TEST_F(OldReserveTest, PersistentReservationOutlivesNexusLossAndReset) {
  enroll(a_, kKeyA);
  reserve(a_, kKeyA, ReservationType::kExclusiveAccess);
  EXPECT_FALSE(table_.forget_nexus(a_));
  EXPECT_FALSE(table_.reset());
  EXPECT_TRUE(table_.holds(a_));
}

TEST_F(OldReserveTest, OtherSessionOfTheSameInitiatorIsAnotherNexus) {
  const NexusKey other{{5, "iqn.a,i,0x000000000002"}, 1};
  enroll(a_, kKeyA);
  reserve(a_, kKeyA, ReservationType::kExclusiveAccessRegistrantsOnly);
  EXPECT_EQ(table_.denials().of(a_), 0);
  EXPECT_NE(table_.denials().of(other), 0);
  EXPECT_NE(table_.denials().of(iscsi_nexus("a", 2)), 0);
}

// --- who is denied what: every type, every role, every class of command (SPC-5 table 66) ---

struct Cell {
  ReservationType type;
  std::uint8_t holder, registrant, none;
};

constexpr std::uint8_t kNo = 0, kWritesAndOthers = kDenyWrite | kDenyOther,
                       kEverything = kDenyRead | kDenyWrite | kDenyOther;
constexpr Cell kMatrix[] = {
    {ReservationType::kWriteExclusive, kNo, kWritesAndOthers, kWritesAndOthers},
    {ReservationType::kExclusiveAccess, kNo, kEverything, kEverything},
    {ReservationType::kWriteExclusiveRegistrantsOnly, kNo, kNo, kWritesAndOthers},
    {ReservationType::kExclusiveAccessRegistrantsOnly, kNo, kNo, kEverything},
    {ReservationType::kWriteExclusiveAllRegistrants, kNo, kNo, kWritesAndOthers},
    {ReservationType::kExclusiveAccessAllRegistrants, kNo, kNo, kEverything},
};

TEST_F(ReserveTest, EveryCellOfTypeRoleAndClass) {
  for (const Cell& cell : kMatrix) {
    restart(cell.type);
    const Denials denials = table_.denials();
    EXPECT_EQ(denials.of(a_), cell.holder);
    EXPECT_EQ(denials.of(b_), cell.registrant);
    EXPECT_EQ(denials.of(c_), cell.none);
  }
}

TEST_F(ReserveTest, RegistrationAloneDeniesNobody) {
  for (const NexusKey& nexus : {a_, b_, c_}) EXPECT_EQ(table_.denials().of(nexus), 0);
}

// SPC-5 table 67: which service actions pass while another nexus holds the reservation.
TEST_F(ReserveTest, EveryCellOfServiceActionAndRoleWhileAnotherHolds) {
  struct Row {
    ReserveAction action;
    bool registrant_conflicts;
  };
  const Row rows[] = {{ReserveAction::kRegister, false},        {ReserveAction::kRegisterAndIgnore, false},
                      {ReserveAction::kReserve, true},          {ReserveAction::kRelease, false},
                      {ReserveAction::kClear, false},           {ReserveAction::kPreempt, false},
                      {ReserveAction::kPreemptAndAbort, false}, {ReserveAction::kRegisterAndMove, true}};
  for (const ReservationType type : kAllTypes) {
    if (is_all_registrants(type)) continue;  // then the registrant holds it too
    for (const Row& row : rows) {
      restart(type);
      const auto by_registrant = out(b_, row.action, kKeyB, kKeyA, type);
      EXPECT_EQ(by_registrant.outcome.status, row.registrant_conflicts ? Status::kReservationConflict : Status::kGood)
          << static_cast<int>(row.action);
      restart(type);
      const bool registers = row.action == ReserveAction::kRegister || row.action == ReserveAction::kRegisterAndIgnore;
      const auto by_stranger = out(c_, row.action, 0, kKeyA, type);
      EXPECT_EQ(by_stranger.outcome.status, registers ? Status::kGood : Status::kReservationConflict)
          << static_cast<int>(row.action);
    }
  }
}

// F035: whoever wins, there is one holder, and PRGENERATION counts the changes that succeeded.
TEST_F(ReserveTest, RacingPreemptsLeaveOneHolderAndCountTheirSuccesses) {
  std::uint32_t changes = table_.generation();
  for (int round = 0; round < 10'000; ++round) {
    const bool first = (round * 7919) % 3 != 0;
    const NexusKey& mine = first ? a_ : b_;
    const std::uint64_t my_key = first ? kKeyA : kKeyB, other_key = first ? kKeyB : kKeyA;
    if (!table_.registered(mine)) {
      changes += out(mine, ReserveAction::kRegister, 0, my_key).changed ? 1 : 0;
    } else if (preempt(mine, my_key, other_key).changed) {
      ++changes;
    } else if (table_.type() == ReservationType::kNone) {
      expect_good(out(mine, ReserveAction::kReserve, my_key, 0, ReservationType::kWriteExclusive));
    }
    EXPECT_FALSE(table_.holds(a_) && table_.holds(b_));
    EXPECT_EQ(table_.type() != ReservationType::kNone, table_.holds(a_) || table_.holds(b_));
  }
  EXPECT_EQ(table_.generation(), changes);
  EXPECT_GT(changes, 1000u);
}

}  // namespace
}  // namespace scsi
