// Unit tests of REGISTER, REGISTER AND IGNORE EXISTING KEY and REGISTER AND MOVE: SPC-5 tables 67 to 70 row by row.
#include "scsi_core/reservation/transport_id.h"
#include "tests/unit/scsi_core/reservation/table_fixture.h"

namespace scsi {
namespace {

using namespace test;
using RegisterTest = TableTest;

TEST_F(RegisterTest, UnregisteredWithBothKeysZeroDoesNothing) {
  const auto result = out(a_, ReserveAction::kRegister, 0, 0);
  expect_good(result);
  EXPECT_FALSE(result.changed);
  EXPECT_EQ(table_.generation(), 0u);
}

TEST_F(RegisterTest, UnregisteredWithKeyRegisters) {
  expect_good(out(a_, ReserveAction::kRegister, 0, kKeyA));
  EXPECT_EQ(key_of(a_), kKeyA);
  EXPECT_EQ(table_.generation(), 1u);
}

TEST_F(RegisterTest, UnregisteredWithNonzeroReservationKeyConflicts) {
  expect_conflict(out(a_, ReserveAction::kRegister, kKeyA, kKeyA));
  expect_conflict(out(a_, ReserveAction::kRegister, kKeyA, 0));
}

TEST_F(RegisterTest, RegisteredWithWrongReservationKeyConflicts) {
  enroll(a_, kKeyA);
  expect_conflict(out(a_, ReserveAction::kRegister, 0, kKeyB));
  expect_conflict(out(a_, ReserveAction::kRegister, kKeyB, kKeyB));
  expect_conflict(out(a_, ReserveAction::kRegister, kKeyB, 0));
  EXPECT_EQ(key_of(a_), kKeyA);
}

TEST_F(RegisterTest, RegisteredChangesItsKey) {
  enroll(a_, kKeyA);
  expect_good(out(a_, ReserveAction::kRegister, kKeyA, kKeyB));
  EXPECT_EQ(key_of(a_), kKeyB);
  EXPECT_EQ(table_.generation(), 2u);
}

TEST_F(RegisterTest, RegisteredWithServiceActionKeyZeroUnregisters) {
  enroll(a_, kKeyA);
  expect_good(out(a_, ReserveAction::kRegister, kKeyA, 0));
  EXPECT_FALSE(table_.registered(a_));
}

TEST_F(RegisterTest, SpecifyInitiatorsFromRegisteredNexusIsRefused) {
  enroll(a_, kKeyA);
  for (const std::uint64_t service_key : {std::uint64_t{0}, kKeyB}) {
    ReserveRequest request{.key = kKeyA, .service_key = service_key, .specify_initiators = true};
    expect_bad_parameter(apply(a_, request), 20);
  }
}

TEST_F(RegisterTest, KeyMayBeSharedAndChangingItAffectsNobodyElse) {
  enroll(a_, kKeyA);
  enroll(b_, kKeyA);
  expect_good(out(a_, ReserveAction::kRegister, kKeyA, kKeyC));
  EXPECT_EQ(key_of(b_), kKeyA);
}

TEST_F(RegisterTest, ChangingTheHoldersKeyKeepsItsReservation) {
  enroll(a_, kKeyA);
  reserve(a_, kKeyA, ReservationType::kWriteExclusive);
  expect_good(out(a_, ReserveAction::kRegister, kKeyA, kKeyB));
  EXPECT_TRUE(table_.holds(a_));
}

TEST_F(RegisterTest, IgnoringExistingKeyRegistersChangesAndUnregisters) {
  expect_good(out(a_, ReserveAction::kRegisterAndIgnore, 77, 0));
  EXPECT_EQ(table_.generation(), 0u);
  expect_good(out(a_, ReserveAction::kRegisterAndIgnore, 77, kKeyA));
  EXPECT_EQ(key_of(a_), kKeyA);
  expect_good(out(a_, ReserveAction::kRegisterAndIgnore, 77, kKeyB));
  EXPECT_EQ(key_of(a_), kKeyB);
  expect_good(out(a_, ReserveAction::kRegisterAndIgnore, 77, 0));
  EXPECT_FALSE(table_.registered(a_));
  EXPECT_EQ(table_.generation(), 3u);
}

TEST_F(RegisterTest, RegisteringIgnoresScopeAndType) {
  ReserveRequest request{.scope = 9, .type = 15, .service_key = kKeyA};
  expect_good(apply(a_, request));
}

TEST_F(RegisterTest, RegisteringIsAllowedWhileAnotherHoldsTheReservation) {
  for (const ReservationType type : kAllTypes) {
    table_ = {};
    enroll(a_, kKeyA);
    reserve(a_, kKeyA, type);
    expect_good(out(b_, ReserveAction::kRegister, 0, kKeyB));
    expect_good(out(c_, ReserveAction::kRegisterAndIgnore, 0, kKeyC));
    EXPECT_EQ(table_.type(), type);
  }
}

TEST_F(RegisterTest, UnregisteringHolderReleasesAndTellsOthersOnlyWithRegistrantsOnly) {
  for (const ReservationType type : kAllTypes) {
    table_ = {};
    enroll(a_, kKeyA);
    enroll(b_, kKeyB);
    reserve(a_, kKeyA, type);
    const auto result = out(a_, ReserveAction::kRegister, kKeyA, 0);
    if (is_all_registrants(type)) {
      EXPECT_EQ(table_.type(), type);
      EXPECT_TRUE(table_.holds(b_));
      EXPECT_EQ(attentions(result), 0u);
      expect_good(out(b_, ReserveAction::kRegister, kKeyB, 0));
    } else {
      const bool tells = is_registrants_only(type);
      EXPECT_EQ(told(result, kReservationsReleased), tells ? std::vector{b_} : std::vector<NexusKey>{});
      EXPECT_EQ(attentions(result), tells ? 1u : 0u);
    }
    EXPECT_EQ(table_.type(), ReservationType::kNone);
    EXPECT_FALSE(table_.holder().has_value());
  }
}

TEST_F(RegisterTest, UnregisteringAnotherThanTheHolderKeepsTheReservation) {
  enroll(a_, kKeyA);
  enroll(b_, kKeyB);
  reserve(a_, kKeyA, ReservationType::kExclusiveAccessRegistrantsOnly);
  EXPECT_EQ(attentions(out(b_, ReserveAction::kRegister, kKeyB, 0)), 0u);
  EXPECT_TRUE(table_.holds(a_));
}

TEST_F(RegisterTest, LastAptplValueDecides) {
  ReserveRequest request{.service_key = kKeyA, .persist = true};
  expect_good(apply(a_, request));
  EXPECT_TRUE(table_.persists());
  expect_good(out(b_, ReserveAction::kRegister, 0, kKeyB));
  EXPECT_FALSE(table_.persists());
}

TEST_F(RegisterTest, AptplOfOtherServiceActionsIsIgnored) {
  enroll(a_, kKeyA);
  ReserveRequest request{.action = ReserveAction::kReserve, .type = 1, .key = kKeyA, .persist = true};
  expect_good(apply(a_, request));
  EXPECT_FALSE(table_.persists());
}

// --- ALL_TG_PT ---

TEST_F(RegisterTest, AllTargetPortsRegistersThroughEachPortOfTheProtocol) {
  ports_.push_back(target_port(3, 0));
  ReserveRequest request{.service_key = kKeyA, .all_target_ports = true};
  expect_good(apply(a_, request));
  EXPECT_EQ(table_.registrations().size(), 2u);
  EXPECT_EQ(key_of(iscsi_nexus("a", 2)), kKeyA);
  EXPECT_EQ(table_.generation(), 1u);
}

TEST_F(RegisterTest, AllTargetPortsChangesAndUnregistersThroughEachPort) {
  ReserveRequest request{.service_key = kKeyA, .all_target_ports = true};
  expect_good(apply(a_, request));
  request = {.key = kKeyA, .service_key = kKeyB, .all_target_ports = true};
  expect_good(apply(iscsi_nexus("a", 2), request));
  EXPECT_EQ(key_of(a_), kKeyB);
  request = {.key = kKeyB, .all_target_ports = true};
  expect_good(apply(a_, request));
  EXPECT_TRUE(table_.registrations().empty());
}

TEST_F(RegisterTest, AllTargetPortsConflictsWhereOnePortWouldAndChangesNothing) {
  enroll(iscsi_nexus("a", 2), kKeyB);
  ReserveRequest request{.service_key = kKeyA, .all_target_ports = true};
  expect_conflict(apply(a_, request));
  EXPECT_FALSE(table_.registered(a_));
  request.action = ReserveAction::kRegisterAndIgnore;
  expect_good(apply(a_, request));
  EXPECT_EQ(key_of(iscsi_nexus("a", 2)), kKeyA);
}

TEST_F(RegisterTest, AllTargetPortsUnregistersElsewhereIgnoringKeys) {
  enroll(iscsi_nexus("a", 2), kKeyB);
  ReserveRequest request{.action = ReserveAction::kRegisterAndIgnore, .all_target_ports = true};
  expect_good(apply(a_, request));
  EXPECT_TRUE(table_.registrations().empty());
}

// --- SPEC_I_PT ---

class SpecifyTest : public TableTest {
 protected:
  ReserveRequest naming(std::vector<NamedInitiator> initiators, bool all_ports = false) const {
    return {.service_key = kKeyA,
            .specify_initiators = true,
            .all_target_ports = all_ports,
            .initiators = std::move(initiators)};
  }
};

TEST_F(SpecifyTest, EmptyListRegistersTheSenderAlone) {
  expect_good(apply(a_, naming({})));
  EXPECT_EQ(table_.registrations().size(), 1u);
}

TEST_F(SpecifyTest, NamedInitiatorPortsAreRegisteredThroughTheSendersPort) {
  const NexusKey far = iscsi_nexus("far");
  expect_good(apply(a_, naming({{b_.initiator, false, 28}, {far.initiator, false, 68}})));
  EXPECT_EQ(table_.registrations().size(), 3u);
  EXPECT_EQ(key_of(b_), kKeyA);
  EXPECT_EQ(key_of(far), kKeyA);
  EXPECT_EQ(table_.generation(), 1u);
}

TEST_F(SpecifyTest, WithAllTargetPortsEachIsRegisteredThroughEachPortOfItsProtocol) {
  ports_ = {target_port(1), target_port(2), target_port(3, 0), target_port(4, 0)};
  const TransportId wwpn{0, "12345678"};
  expect_good(apply(a_, naming({{b_.initiator, false, 28}, {wwpn, false, 68}}, true)));
  EXPECT_EQ(table_.registrations().size(), 6u);
  EXPECT_EQ(key_of({wwpn, 3}), kKeyA);
  EXPECT_EQ(key_of({wwpn, 4}), kKeyA);
  EXPECT_EQ(key_of({wwpn, 1}), 0u);
}

TEST_F(SpecifyTest, InitiatorOfAnotherProtocolThanThePortIsRefused) {
  expect_bad_parameter(apply(a_, naming({{{0, "12345678"}, false, 28}})), 28);
  expect_bad_parameter(apply(a_, naming({{{6, "12345678"}, false, 52}}, true)), 52);
}

TEST_F(SpecifyTest, RegisteredInitiatorIsRefusedAndNothingIsRegistered) {
  enroll(b_, kKeyB);
  expect_bad_parameter(apply(a_, naming({{c_.initiator, false, 28}, {b_.initiator, false, 64}})), 64);
  EXPECT_EQ(table_.registrations().size(), 1u);
}

TEST_F(SpecifyTest, InitiatorNamedTwiceIsRefused) {
  expect_bad_parameter(apply(a_, naming({{b_.initiator, false, 28}, {b_.initiator, false, 64}})), 64);
}

TEST_F(SpecifyTest, SenderMayNameItself) {
  expect_good(apply(a_, naming({{a_.initiator, false, 28}})));
  EXPECT_EQ(table_.registrations().size(), 1u);
}

TEST_F(SpecifyTest, NodeNameRegistersItsKnownPorts) {
  const NexusKey other_session{{5, "iqn.b,i,0x000000000002"}, 1}, through_port_2{{5, "iqn.b,i,0x000000000003"}, 2};
  nexuses_ = {a_, b_, c_, other_session, through_port_2};
  expect_good(apply(a_, naming({{{5, "iqn.b"}, true, 28}})));
  EXPECT_EQ(table_.registrations().size(), 4u);
  EXPECT_EQ(key_of(other_session), kKeyA);
  EXPECT_EQ(key_of({through_port_2.initiator, 1}), kKeyA);
}

TEST_F(SpecifyTest, NodeNameNobodyKnowsIsRefused) {
  nexuses_ = {a_, b_};
  expect_bad_parameter(apply(a_, naming({{{5, "iqn.nobody"}, true, 28}})), 28);
}

TEST_F(SpecifyTest, MalformedListIsToldOnlyWhereItMatters) {
  ReserveRequest request = naming({});
  request.list_error = Outcome::invalid_parameter(31);
  expect_bad_parameter(apply(a_, request), 31);
  request.key = kKeyC;
  expect_conflict(apply(a_, request));
  request.key = request.service_key = 0;
  expect_good(apply(a_, request));
}

// --- limits ---

TEST_F(SpecifyTest, RegistrantLimitRefusesAndChangesNothing) {
  for (std::size_t i = 0; i < ReservationTable::kMaxRegistrants; ++i) {
    expect_good(table_.apply(iscsi_nexus("n" + std::to_string(i)), {.service_key = i + 1}, {}));
  }
  const ReservationTable full = table_;
  for (const ReserveAction action : {ReserveAction::kRegister, ReserveAction::kRegisterAndIgnore}) {
    expect_sense(out(a_, action, 0, kKeyA), kInsufficientRegistrationResources);
  }
  EXPECT_EQ(table_, full);
  expect_good(out(iscsi_nexus("n0"), ReserveAction::kRegister, 1, kKeyA));
  expect_good(out(iscsi_nexus("n0"), ReserveAction::kRegister, kKeyA, 0));
  expect_sense(apply(a_, naming({{b_.initiator, false, 28}})), kInsufficientRegistrationResources);
  expect_good(out(a_, ReserveAction::kRegister, 0, kKeyA));
}

TEST_F(SpecifyTest, MoreInitiatorsThanTheLimitAreRefused) {
  std::vector<NamedInitiator> many;
  for (int i = 0; i < 2000; ++i) many.push_back({iscsi_nexus("n" + std::to_string(i)).initiator, false, 28});
  expect_sense(apply(a_, naming(std::move(many))), kInsufficientRegistrationResources);
  EXPECT_TRUE(table_.registrations().empty());
}

// --- REGISTER AND MOVE ---

class MoveTest : public TableTest {
 protected:
  ReserveRequest move_to(const NexusKey& nexus, std::uint64_t key = kKeyC, bool unregister = false) const {
    return {.action = ReserveAction::kRegisterAndMove,
            .key = kKeyA,
            .service_key = key,
            .unregister = unregister,
            .relative_port = nexus.relative_port_id,
            .initiators = {{nexus.initiator, false, 24}}};
  }
  void hold(ReservationType type = ReservationType::kWriteExclusive) {
    enroll(a_, kKeyA);
    reserve(a_, kKeyA, type);
  }
};

TEST_F(MoveTest, RegistersTheOtherNexusAndMovesTheReservation) {
  hold();
  const std::uint32_t before = table_.generation();
  const auto result = apply(a_, move_to(c_));
  expect_good(result);
  EXPECT_EQ(attentions(result), 0u);
  EXPECT_EQ(key_of(c_), kKeyC);
  EXPECT_TRUE(table_.holds(c_));
  EXPECT_FALSE(table_.holds(a_));
  EXPECT_TRUE(table_.registered(a_));
  EXPECT_EQ(table_.type(), ReservationType::kWriteExclusive);
  EXPECT_EQ(table_.generation(), before + 1);
}

TEST_F(MoveTest, UnregUnregistersTheSenderAndKeepsTheReservation) {
  hold(ReservationType::kExclusiveAccessRegistrantsOnly);
  EXPECT_EQ(attentions(apply(a_, move_to(c_, kKeyC, true))), 0u);
  EXPECT_FALSE(table_.registered(a_));
  EXPECT_TRUE(table_.holds(c_));
}

TEST_F(MoveTest, RegisteredDestinationGetsTheNewKey) {
  enroll(c_, kKeyB);
  hold();
  expect_good(apply(a_, move_to(c_, kKeyC)));
  EXPECT_EQ(key_of(c_), kKeyC);
  EXPECT_EQ(table_.registrations().size(), 2u);
}

TEST_F(MoveTest, EveryProtocolCanBeTheDestination) {
  ports_ = {target_port(1), target_port(3, 0), target_port(4, 4), target_port(5, 6)};
  const NexusKey destinations[] = {
      {{0, "12345678"}, 3}, {{4, "0123456789abcdef"}, 4}, {{6, "abcdefgh"}, 5}, iscsi_nexus("z")};
  for (const NexusKey& destination : destinations) {
    table_ = {};
    hold();
    expect_good(apply(a_, move_to(destination)));
    EXPECT_TRUE(table_.holds(destination));
  }
}

TEST_F(MoveTest, AptplIsTaken) {
  hold();
  ReserveRequest request = move_to(c_);
  request.persist = true;
  expect_good(apply(a_, request));
  EXPECT_TRUE(table_.persists());
}

TEST_F(MoveTest, UnregisteredSenderConflicts) { expect_conflict(apply(a_, move_to(c_))); }

TEST_F(MoveTest, WrongKeyConflicts) {
  hold();
  ReserveRequest request = move_to(c_);
  request.key = kKeyB;
  expect_conflict(apply(a_, request));
}

TEST_F(MoveTest, RegisteredSenderThatDoesNotHoldConflicts) {
  enroll(b_, kKeyA);
  hold();
  expect_conflict(apply(b_, move_to(c_)));
}

TEST_F(MoveTest, AllRegistrantsTypesConflict) {
  for (const ReservationType type :
       {ReservationType::kWriteExclusiveAllRegistrants, ReservationType::kExclusiveAccessAllRegistrants}) {
    table_ = {};
    hold(type);
    expect_conflict(apply(a_, move_to(c_)));
  }
}

TEST_F(MoveTest, WithoutReservationIsAnInvalidServiceAction) {
  enroll(a_, kKeyA);
  expect_bad_cdb(apply(a_, move_to(c_)), 1);
}

TEST_F(MoveTest, KeyZeroIsRefused) {
  hold();
  expect_bad_parameter(apply(a_, move_to(c_, 0)), 8);
}

TEST_F(MoveTest, UnknownRelativePortIsRefused) {
  hold();
  expect_bad_parameter(apply(a_, move_to(iscsi_nexus("c", 77))), 18);
}

TEST_F(MoveTest, ProtocolOfAnotherPortIsRefused) {
  hold();
  expect_bad_parameter(apply(a_, move_to({{0, "12345678"}, 1})), 24);
}

TEST_F(MoveTest, SendersOwnInitiatorPortIsRefusedThroughAnyTargetPort) {
  hold();
  expect_bad_parameter(apply(a_, move_to(a_)), 24);
  expect_bad_parameter(apply(a_, move_to(iscsi_nexus("a", 2))), 24);
}

TEST_F(MoveTest, NodeNameIsRefused) {
  hold();
  ReserveRequest request = move_to(c_);
  request.initiators = {{{5, "iqn.c"}, true, 24}};
  expect_bad_parameter(apply(a_, request), 24);
}

TEST_F(MoveTest, FullTableRefusesUnlessTheSenderLeaves) {
  hold();
  for (std::size_t i = 1; i < ReservationTable::kMaxRegistrants; ++i) {
    expect_good(table_.apply(iscsi_nexus("n" + std::to_string(i)), {.service_key = i}, {}));
  }
  expect_sense(apply(a_, move_to(c_)), kInsufficientRegistrationResources);
  expect_good(apply(a_, move_to(c_, kKeyC, true)));
}

}  // namespace
}  // namespace scsi
