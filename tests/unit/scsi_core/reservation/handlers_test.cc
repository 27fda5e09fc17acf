// Unit tests of the reservation commands through the whole core: what every nexus sees, in what order, and what is
// kept.
// SIZE: one table of commands and their answers; it reads best in one piece.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "scsi_core/reservation/reservations.h"
#include "scsi_core/reservation/transport_id.h"
#include "scsi_core/sense_codes.h"
#include "tests/support/log_guard.h"
#include "tests/unit/scsi_core/reservation/reserve_bench.h"
#include "tests/unit/scsi_core/reservation/temporary_directory.h"

namespace scsi {
namespace {

using namespace test;

constexpr std::uint64_t kKeyA = 0xa, kKeyB = 0xb;
constexpr std::array kTypes = {ReservationType::kWriteExclusive,
                               ReservationType::kExclusiveAccess,
                               ReservationType::kWriteExclusiveRegistrantsOnly,
                               ReservationType::kExclusiveAccessRegistrantsOnly,
                               ReservationType::kWriteExclusiveAllRegistrants,
                               ReservationType::kExclusiveAccessAllRegistrants};

bool conflicts(const Reply& reply) {
  EXPECT_TRUE(reply.over && !reply.dropped);
  return reply.status == Status::kReservationConflict;
}

bool shared(ReservationType type) { return is_registrants_only(type) || is_all_registrants(type); }
bool denies_reads(ReservationType type) {
  return type == ReservationType::kExclusiveAccess || type == ReservationType::kExclusiveAccessRegistrantsOnly ||
         type == ReservationType::kExclusiveAccessAllRegistrants;
}

// --- F036: six types x command classes x roles, on one and on three reactors ---

class Matrix : public testing::TestWithParam<std::size_t> {};

TEST_P(Matrix, EveryTypeClassAndRole) {
  for (const ReservationType type : kTypes) {
    ReserveBench bench(GetParam());
    LoopNexus& holder = bench.login("iqn.a", 0);
    LoopNexus& registrant = bench.login("iqn.b", 1 % GetParam());
    LoopNexus& stranger = bench.login("iqn.c", 2 % GetParam());
    ASSERT_TRUE(bench.enroll(holder, kKeyA) && bench.enroll(registrant, kKeyB) && bench.reserve(holder, kKeyA, type));
    struct Role {
      LoopNexus* nexus;
      bool denied;
    };
    for (const Role& role : {Role{&holder, false}, Role{&registrant, !shared(type)}, Role{&stranger, true}}) {
      LoopNexus& nexus = *role.nexus;
      EXPECT_FALSE(conflicts(bench.run(nexus, test_unit_ready())));
      EXPECT_EQ(conflicts(bench.run(nexus, read_block(0))), role.denied && denies_reads(type));
      EXPECT_EQ(conflicts(bench.run(nexus, write_block(0, 'x'))), role.denied);
      EXPECT_EQ(conflicts(bench.run(nexus, mode_sense())), role.denied);
      EXPECT_EQ(conflicts(bench.run(nexus, reserve_6())), role.denied);
      EXPECT_EQ(conflicts(bench.run(nexus, release_10())), role.denied);
      for (std::uint8_t action = 0; action < 4; ++action) EXPECT_TRUE(bench.run(nexus, reserve_in(action)).good());
    }
    LoopNexus& late = bench.login("iqn.d", 1 % GetParam());
    EXPECT_TRUE(conflicts(bench.run(late, write_block(0, 'x'))));
    EXPECT_EQ(bench.type(late), type);
  }
}

INSTANTIATE_TEST_SUITE_P(Reactors, Matrix, testing::Values(1, 3));

TEST(ReserveCommands, ReleasingLetsEverybodyThroughAgain) {
  ReserveBench bench(2);
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.reserve(a, kKeyA, ReservationType::kExclusiveAccess));
  EXPECT_TRUE(conflicts(bench.run(b, read_block(0))));
  const OutFields release{.action = ReserveAction::kRelease, .key = kKeyA, .type = ReservationType::kExclusiveAccess};
  EXPECT_TRUE(bench.run(a, reserve_out(release)).good());
  EXPECT_TRUE(bench.run(b, read_block(0)).good());
}

// --- parameter lists and parameter data (F039) ---

TEST(ReserveCommands, ParameterListLengthsAreChecked) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a");
  for (const std::uint32_t length : {0u, 23u, 25u, 65537u, 0x7fffffffu, 0xffffffffu}) {
    Request request = reserve_out({.service_key = kKeyA});
    for (std::size_t i = 0; i < 4; ++i) request.cdb[5 + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
    request.out.resize(std::min(length, 70'000u));
    request.expected_length = length;
    request.direction = DataDirection::kOut;
    EXPECT_TRUE(bench.run(a, request).check(kParameterListLengthError)) << length;
  }
  Request short_data = reserve_out({.service_key = kKeyA});
  short_data.expected_length = 23;
  EXPECT_TRUE(bench.run(a, short_data).check(kParameterListLengthError));
  EXPECT_TRUE(bench.keys(a).empty());
  EXPECT_TRUE(bench.enroll(a, kKeyA));
}

TEST(ReserveCommands, ReportIsCutByAllocationLengthAndByExpectedLength) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a");
  ASSERT_TRUE(bench.enroll(a, kKeyA));
  for (std::uint16_t allocation = 0; allocation < 20; ++allocation) {
    const Reply reply = bench.run(a, reserve_in(0, allocation));
    EXPECT_TRUE(reply.good());
    EXPECT_EQ(reply.data.size(), std::min<std::size_t>(allocation, 16));
  }
  Request request = reserve_in(0, 100);
  request.expected_length = 10;
  const Reply cut = bench.run(a, request);
  EXPECT_EQ(cut.data.size(), 10u);
  EXPECT_EQ(cut.residual, Response::Residual::kOverflow);
  EXPECT_EQ(cut.residual_count, 6u);
  const Reply whole = bench.run(a, reserve_in(0, 100));
  EXPECT_EQ(whole.residual, Response::Residual::kUnderflow);
  EXPECT_EQ(whole.residual_count, 84u);
}

TEST(ReserveCommands, ThousandRegistrantsAreReportedInFull) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a");
  std::vector<TransportId> ids;
  for (int i = 0; i < 999; ++i) ids.push_back({5, "iqn.n" + std::to_string(i) + ",i,0x000000000001"});
  const OutFields fields{.service_key = kKeyA, .flags = 8, .rest = transport_ids(ids)};
  ASSERT_TRUE(bench.run(a, reserve_out(fields)).good());
  EXPECT_EQ(bench.keys(a).size(), 1000u);
  std::size_t size = 8 + 24 + encode_transport_id(a.nexus().key.initiator).size();
  for (const TransportId& id : ids) size += 24 + encode_transport_id(id).size();
  EXPECT_EQ(bench.run(a, reserve_in(3, 65535)).data.size(), size);
  EXPECT_EQ(bench.full_status(a).back().initiator, ids.back());
}

// --- unit attentions reach who they should ---

TEST(ReserveCommands, ClearTellsTheOtherRegistrantsAndNobodyElse) {
  ReserveBench bench(2);
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  LoopNexus& c = bench.login("iqn.c", 1);
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.enroll(b, kKeyB));
  ASSERT_TRUE(bench.run(a, reserve_out({.action = ReserveAction::kClear, .key = kKeyA})).good());
  EXPECT_TRUE(bench.run(a, test_unit_ready()).good());
  EXPECT_TRUE(bench.run(b, test_unit_ready()).check(kReservationsPreempted));
  EXPECT_TRUE(bench.run(b, test_unit_ready()).good());
  EXPECT_TRUE(bench.run(c, test_unit_ready()).good());
}

TEST(ReserveCommands, PreemptTellsThePreempted) {
  ReserveBench bench(2);
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  LoopNexus& c = bench.login("iqn.c", 0);
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.enroll(b, kKeyB) && bench.enroll(c, 0xc));
  ASSERT_TRUE(bench.reserve(b, kKeyB, ReservationType::kWriteExclusiveRegistrantsOnly));
  const OutFields preempt{.action = ReserveAction::kPreempt,
                          .key = kKeyA,
                          .service_key = kKeyB,
                          .type = ReservationType::kExclusiveAccessRegistrantsOnly};
  ASSERT_TRUE(bench.run(a, reserve_out(preempt)).good());
  EXPECT_TRUE(bench.run(a, test_unit_ready()).good());
  EXPECT_TRUE(bench.run(b, test_unit_ready()).check(kRegistrationsPreempted));
  EXPECT_TRUE(conflicts(bench.run(b, read_block(0))));
  EXPECT_TRUE(bench.run(c, test_unit_ready()).check(kReservationsReleased));
  EXPECT_TRUE(bench.run(c, read_block(0)).good());
}

// --- PREEMPT AND ABORT (F034) ---

class PreemptAndAbort : public testing::TestWithParam<bool> {};

TEST_P(PreemptAndAbort, NoWriteOfTheVictimLandsAfterGood) {
  ReserveBench bench(2);
  const bool tas = GetParam();
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.enroll(b, kKeyB));
  ASSERT_TRUE(bench.reserve(b, kKeyB, ReservationType::kWriteExclusive));
  if (tas) b.nexus().map().find(0)->lu->flags |= kLuTaskAborted;
  bench.medium.hold = true;
  std::vector<LoopCommand*> writes;
  for (std::uint8_t i = 0; i < 32; ++i) writes.push_back(&b.send(write_block(i, 'v')));
  bench.target.settle();
  EXPECT_EQ(bench.medium.outstanding, 32u);
  b.port().hold_transfers = true;
  for (std::uint8_t i = 32; i < 64; ++i) writes.push_back(&b.send(write_block(i, 'v')));
  bench.target.settle();

  const OutFields fields{.action = ReserveAction::kPreemptAndAbort,
                         .key = kKeyA,
                         .service_key = kKeyB,
                         .type = ReservationType::kWriteExclusive};
  LoopCommand& abort = a.send(reserve_out(fields));
  bench.target.settle();
  EXPECT_FALSE(abort.reply.over) << "the victim's writes are still with the store";
  bench.medium.hold = false;
  bench.target.settle();
  ASSERT_TRUE(abort.reply.good());
  EXPECT_EQ(bench.medium.outstanding, 0u);
  const std::vector<std::byte> at_good = bench.medium.bytes;
  b.port().hold_transfers = false;
  bench.target.settle();
  EXPECT_EQ(bench.medium.bytes, at_good);
  for (const LoopCommand* write : writes) {
    ASSERT_TRUE(write->reply.over);
    EXPECT_EQ(write->reply.dropped, !tas);
    EXPECT_EQ(write->reply.status == Status::kTaskAborted, tas);
  }
  EXPECT_TRUE(bench.run(b, test_unit_ready()).check(kRegistrationsPreempted));
  bench.target.clear_attentions(b);
  EXPECT_TRUE(conflicts(bench.run(b, write_block(0, 'w'))));
  EXPECT_EQ(std::count(bench.log.lost.begin(), bench.log.lost.end(), b.nexus().key), 1) << "PREVENT is taken back";
}

INSTANTIATE_TEST_SUITE_P(TaskAbortedStatus, PreemptAndAbort, testing::Bool());

TEST(ReserveCommands, PreemptLeavesTheVictimsCommandsAlone) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a");
  LoopNexus& b = bench.login("iqn.b");
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.enroll(b, kKeyB));
  bench.medium.hold = true;
  LoopCommand& write = b.send(write_block(0, 'v'));
  bench.target.settle();
  ASSERT_TRUE(
      bench.run(a, reserve_out({.action = ReserveAction::kPreempt, .key = kKeyA, .service_key = kKeyB})).good());
  bench.medium.hold = false;
  bench.target.settle();
  EXPECT_TRUE(write.reply.good());
}

TEST(ReserveCommands, TwoPreemptAndAbortOfEachOtherBothEnd) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ReserveBench bench(2, nullptr, seed);
    LoopNexus& a = bench.login("iqn.a", 0);
    LoopNexus& b = bench.login("iqn.b", 1);
    ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.enroll(b, kKeyB));
    LoopCommand& by_a =
        a.send(reserve_out({.action = ReserveAction::kPreemptAndAbort, .key = kKeyA, .service_key = kKeyB}));
    LoopCommand& by_b =
        b.send(reserve_out({.action = ReserveAction::kPreemptAndAbort, .key = kKeyB, .service_key = kKeyA}));
    bench.target.settle();
    ASSERT_TRUE(by_a.reply.over && by_b.reply.over);
    EXPECT_EQ(int{by_a.reply.good()} + int{by_b.reply.good()}, 1);
    LoopNexus& c = bench.login("iqn.c");
    EXPECT_EQ(bench.keys(c).size(), 1u);
  }
}

TEST(ReserveCommands, QueuedChangeOfAPreemptedNexusTakesNoEffect) {
  const auto store = MetadataStore::open("").value();
  ReserveBench bench(1, store.get());
  LoopNexus& a = bench.login("iqn.a");
  LoopNexus& b = bench.login("iqn.b");
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.enroll(b, kKeyB, true));
  a.send(reserve_out({.action = ReserveAction::kPreemptAndAbort, .key = kKeyA, .service_key = kKeyB}));
  const LoopCommand& again = b.send(reserve_out({.action = ReserveAction::kRegisterAndIgnore, .service_key = kKeyB}));
  bench.target.settle();
  EXPECT_TRUE(again.reply.over);
  EXPECT_FALSE(again.reply.good());
  EXPECT_EQ(bench.keys(a), std::vector{kKeyA});
}

// --- F035 ---

TEST(ReserveCommands, RacingNodesLeaveExactlyOneHolder) {
  ReserveBench bench(2);
  LoopNexus* const nodes[] = {&bench.login("iqn.a", 0), &bench.login("iqn.b", 1)};
  LoopNexus& watcher = bench.login("iqn.c");
  std::uint32_t successes = 0;
  for (int round = 0; round < 500; ++round) {
    std::vector<LoopCommand*> sent;
    for (std::uint64_t i = 0; i < 2; ++i) {
      const std::uint64_t key = i + 1, other = 2 - i;
      sent.push_back(&nodes[i]->send(reserve_out({.action = ReserveAction::kRegisterAndIgnore, .service_key = key})));
      sent.push_back(&nodes[i]->send(
          reserve_out({.action = ReserveAction::kReserve, .key = key, .type = ReservationType::kExclusiveAccess})));
      sent.push_back(&nodes[i]->send(reserve_out({.action = ReserveAction::kPreempt,
                                                  .key = key,
                                                  .service_key = other,
                                                  .type = ReservationType::kExclusiveAccess})));
    }
    bench.target.settle();
    for (const LoopCommand* command : sent) {
      ASSERT_TRUE(command->reply.over);
      successes += command->reply.good() && command->request.cdb[1] != 1 ? 1 : 0;
    }
    const auto status = bench.full_status(watcher);
    const auto holders = std::count_if(status.begin(), status.end(), [](const auto& each) { return each.holder; });
    ASSERT_LE(holders, 1);
    ASSERT_EQ(holders == 1, bench.type(watcher) != ReservationType::kNone);
  }
  EXPECT_EQ(bench.generation(watcher), successes);
}

// --- sessions and resets (F033, F041, F042) ---

TEST(ReserveCommands, RegistrationOutlivesNexusLossAndResets) {
  ReserveBench bench(2);
  LoopNexus* a = &bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  ASSERT_TRUE(bench.enroll(*a, kKeyA) && bench.reserve(*a, kKeyA, ReservationType::kWriteExclusive));
  EXPECT_EQ(bench.target.manage(b, TaskFunction::kLogicalUnitReset), TmfResponse::kFunctionComplete);
  EXPECT_EQ(bench.target.manage(b, TaskFunction::kTargetReset), TmfResponse::kFunctionComplete);
  bench.target.clear_attentions(b);
  EXPECT_TRUE(conflicts(bench.run(b, write_block(0, 'x'))));
  a->lose();
  bench.target.settle();
  EXPECT_TRUE(conflicts(bench.run(b, write_block(0, 'x'))));
  EXPECT_EQ(bench.keys(b), std::vector{kKeyA});
  a = &bench.login("iqn.a", 1);
  EXPECT_TRUE(bench.run(*a, write_block(0, 'x')).good()) << "the same initiator port is the same nexus";
}

TEST(ReserveCommands, OtherIsidIsAnotherNexus) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a,i,0x000000000001");
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.reserve(a, kKeyA, ReservationType::kWriteExclusiveRegistrantsOnly));
  LoopNexus& other = bench.login("iqn.a,i,0x000000000002");
  EXPECT_TRUE(conflicts(bench.run(other, write_block(0, 'x'))));
}

TEST(OldReserve, ReservesForOneNexusAgainstAllOthers) {
  ReserveBench bench(2);
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  for (const bool ten : {false, true}) {
    ASSERT_TRUE(bench.run(a, ten ? reserve_10() : reserve_6()).good());
    ASSERT_TRUE(bench.run(a, reserve_6()).good());
    EXPECT_TRUE(bench.run(a, write_block(0, 'x')).good());
    EXPECT_TRUE(conflicts(bench.run(b, reserve_6())));
    EXPECT_TRUE(conflicts(bench.run(b, read_block(0))));
    EXPECT_TRUE(conflicts(bench.run(b, mode_sense())));
    EXPECT_TRUE(bench.run(b, release_6()).good());
    EXPECT_TRUE(conflicts(bench.run(b, write_block(0, 'x'))));
    for (LoopNexus* nexus : {&a, &b}) {
      EXPECT_TRUE(conflicts(bench.run(*nexus, reserve_in(0))));
      EXPECT_TRUE(conflicts(bench.run(*nexus, reserve_out({.service_key = kKeyA}))));
    }
    ASSERT_TRUE(bench.run(a, ten ? release_10() : release_6()).good());
    EXPECT_TRUE(bench.run(b, write_block(0, 'x')).good());
  }
}

TEST(OldReserve, IsReleasedByLossOfItsNexusAndByResets) {
  for (int cause = 0; cause < 4; ++cause) {
    ReserveBench bench(2);
    LoopNexus& a = bench.login("iqn.a", 0);
    LoopNexus& b = bench.login("iqn.b", 1);
    ASSERT_TRUE(bench.run(a, reserve_6()).good());
    if (cause == 0) a.lose();
    if (cause == 1) bench.target.manage(b, TaskFunction::kLogicalUnitReset);
    if (cause == 2) bench.target.manage(b, TaskFunction::kTargetReset);
    if (cause == 3) bench.target.manage(a, TaskFunction::kITNexusReset);
    bench.target.settle();
    bench.target.clear_attentions(b);
    EXPECT_TRUE(bench.run(b, write_block(0, 'x')).good()) << cause;
    EXPECT_TRUE(bench.run(b, reserve_6()).good()) << cause;
  }
}

TEST(OldReserve, SentByANexusThatIsLostLeavesNothingBehind) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    ReserveBench bench(3, nullptr, seed);
    LoopNexus& b = bench.login("iqn.b", 1);
    for (std::size_t reactor = 0; reactor < 3; ++reactor) {
      LoopNexus& a = bench.login("iqn.a" + std::to_string(reactor), reactor);
      a.send(reserve_6());
      for (std::uint64_t i = 0; i < seed % 5; ++i) bench.target.step();
      a.lose();
      bench.target.settle();
      EXPECT_TRUE(bench.run(b, write_block(0, 'x')).good());
    }
  }
}

// --- SPEC_I_PT and ALL_TG_PT over several ports (F038) ---

TEST(ReserveCommands, AllTargetPortsAndNamedInitiatorsOverFourPorts) {
  ReserveBench bench(2);
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& through_2 = bench.login("iqn.a", 1, "iqn.2026-01.test:second");
  LoopNexus& b = bench.login("iqn.b", 1);
  std::vector<TargetPortIdentity> ports;
  for (std::uint16_t id = 1; id <= 4; ++id) {
    TargetPortIdentity port;
    port.relative_id = id;
    port.protocol = id <= 3 ? 5 : 0;
    ports.push_back(port);
  }
  ports[0] = a.port().identity();
  ports[1] = through_2.port().identity();
  ASSERT_TRUE(bench.target.wait([&](Done done) { bench.target.core().set_target_ports(ports, std::move(done)); }));
  const TransportId wwpn{0, "12345678"};
  const OutFields fields{.service_key = kKeyA, .flags = 8 | 4, .rest = transport_ids({b.nexus().key.initiator, wwpn})};
  ASSERT_TRUE(bench.run(a, reserve_out(fields)).good());
  const auto status = bench.full_status(b);
  EXPECT_EQ(status.size(), 3u + 3u + 1u);
  const auto at = [&](const TransportId& id, std::uint16_t port) {
    return std::any_of(status.begin(), status.end(),
                       [&](const FullStatus& each) { return each.initiator == id && each.relative_port == port; });
  };
  EXPECT_TRUE(at(a.nexus().key.initiator, 3) && at(b.nexus().key.initiator, 2) && at(wwpn, 4));
  ASSERT_TRUE(bench.reserve(a, kKeyA, ReservationType::kWriteExclusiveRegistrantsOnly));
  EXPECT_TRUE(bench.run(through_2, write_block(0, 'x')).good());
  EXPECT_TRUE(bench.run(b, write_block(0, 'x')).good());
  EXPECT_TRUE(conflicts(bench.run(bench.login("iqn.c"), write_block(0, 'x'))));
}

TEST(ReserveCommands, PortsThatDoNotShowTheUnitAreNotRegisteredFor) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a");
  TargetPortIdentity other = a.port().identity();
  other.relative_id = 9;
  other.target_name = "iqn.2026-01.test:other";
  ASSERT_TRUE(bench.target.wait([&](Done done) {
    bench.target.core().set_views({{{"disk", "", ReserveBench::kTarget, 0, false}}, {}, {}}, std::move(done));
  }));
  ASSERT_TRUE(bench.target.wait([&](Done done) {
    bench.target.core().set_target_ports({a.port().identity(), other}, std::move(done));
  }));
  bench.target.clear_attentions(a);
  ASSERT_TRUE(bench.run(a, reserve_out({.service_key = kKeyA, .flags = 4})).good());
  EXPECT_EQ(bench.keys(a).size(), 1u);
}

TEST(ReserveCommands, RegisterAndMoveFencesTheSender) {
  ReserveBench bench(2);
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.reserve(a, kKeyA, ReservationType::kExclusiveAccess));
  const auto destination = encode_transport_id(b.nexus().key.initiator);
  ASSERT_TRUE(bench.run(a, register_and_move(kKeyA, kKeyB, 2, 1, destination)).good());
  EXPECT_TRUE(bench.run(b, write_block(0, 'x')).good());
  EXPECT_TRUE(conflicts(bench.run(a, write_block(0, 'x'))));
  EXPECT_EQ(bench.keys(a), std::vector{kKeyB});
}

TEST(ReserveCommands, MalformedDestinationsAreRefusedAtTheirByte) {
  ReserveBench bench;
  LoopNexus& a = bench.login("iqn.a");
  ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.reserve(a, kKeyA, ReservationType::kWriteExclusive));
  std::vector<std::byte> id = encode_transport_id({5, "iqn.destination,i,0x000000000001"});
  for (std::size_t cut = 0; cut < id.size(); ++cut) {
    std::vector<std::byte> part(id.begin(), id.begin() + static_cast<std::ptrdiff_t>(cut));
    const Reply reply = bench.run(a, register_and_move(kKeyA, kKeyB, 0, 1, part));
    EXPECT_EQ(reply.status, Status::kCheckCondition) << cut;
    EXPECT_EQ(reply.sense.key, SenseKey::kIllegalRequest) << cut;
  }
  EXPECT_EQ(bench.keys(a), std::vector{kKeyA});
}

// --- what is kept (F029 to F032) ---

TEST(KeptReservations, ReservationAndKeysSurviveARestartAndTheGenerationDoesNot) {
  const auto store = MetadataStore::open("").value();
  std::vector<FullStatus> before;
  {
    ReserveBench bench(2, store.get());
    LoopNexus& a = bench.login("iqn.a", 0);
    LoopNexus& b = bench.login("iqn.b", 1);
    ASSERT_TRUE(bench.enroll(a, kKeyA, true) && bench.enroll(b, kKeyB, true));
    ASSERT_TRUE(bench.reserve(a, kKeyA, ReservationType::kExclusiveAccessRegistrantsOnly));
    before = bench.full_status(b);
  }
  ReserveBench bench(2, store.get());
  LoopNexus& c = bench.login("iqn.c", 1);
  const auto after = bench.full_status(c);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].key, before[i].key);
    EXPECT_EQ(after[i].holder, before[i].holder);
    EXPECT_EQ(after[i].type, before[i].type);
    EXPECT_EQ(after[i].relative_port, before[i].relative_port);
    EXPECT_EQ(after[i].initiator, before[i].initiator);
  }
  EXPECT_EQ(bench.generation(c), 0u);
  EXPECT_TRUE(conflicts(bench.run(c, read_block(0))));
  EXPECT_TRUE(bench.run(bench.login("iqn.b", 0), read_block(0)).good());
}

TEST(KeptReservations, WithoutAptplNothingSurvives) {
  const auto store = MetadataStore::open("").value();
  {
    ReserveBench bench(1, store.get());
    LoopNexus& a = bench.login("iqn.a");
    ASSERT_TRUE(bench.enroll(a, kKeyA) && bench.reserve(a, kKeyA, ReservationType::kWriteExclusive));
  }
  ReserveBench bench(1, store.get());
  LoopNexus& a = bench.login("iqn.a");
  EXPECT_TRUE(bench.keys(a).empty());
  EXPECT_EQ(bench.type(a), ReservationType::kNone);
}

TEST(KeptReservations, LaterRegisterWithoutAptplForgetsWhatWasKept) {
  const auto store = MetadataStore::open("").value();
  {
    ReserveBench bench(1, store.get());
    LoopNexus& a = bench.login("iqn.a");
    LoopNexus& b = bench.login("iqn.b");
    ASSERT_TRUE(bench.enroll(a, kKeyA, true) && bench.enroll(b, kKeyB, false));
    EXPECT_EQ(bench.keys(a).size(), 2u);
  }
  ReserveBench bench(1, store.get());
  EXPECT_TRUE(bench.keys(bench.login("iqn.a")).empty());
}

TEST(KeptReservations, EveryChangeIsKeptBeforeItIsAnswered) {
  const auto store = MetadataStore::open("").value();
  ReserveBench bench(1, store.get());
  LoopNexus& a = bench.login("iqn.a");
  const auto kept = [&] {
    return ReservationTable::decode(store->load("disk", kReservationsRecord).value().value()).value();
  };
  ASSERT_TRUE(bench.enroll(a, kKeyA, true));
  EXPECT_EQ(kept().registrations().size(), 1u);
  ASSERT_TRUE(bench.reserve(a, kKeyA, ReservationType::kWriteExclusive));
  EXPECT_EQ(kept().type(), ReservationType::kWriteExclusive);
  ASSERT_TRUE(bench.run(a, reserve_out({.action = ReserveAction::kClear, .key = kKeyA})).good());
  EXPECT_TRUE(kept().registrations().empty());
  EXPECT_EQ(kept().type(), ReservationType::kNone);
}

TEST(KeptReservations, UnreadableRecordRefusesTheMediumUntilItIsReplaced) {
  const auto store = MetadataStore::open("").value();
  {
    const auto reactor = hal::Reactor::create({}).value();
    store->save(*reactor, "disk", kReservationsRecord, MetadataStore::Bytes(7), [](auto) {});
    reactor->run_once();
  }
  ExpectLog lost("disk: what was reserved is lost");
  ReserveBench bench(2, store.get());
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  for (const Request& request : {read_block(0), write_block(0, 'x')}) {
    EXPECT_EQ(bench.run(a, request).sense.key, SenseKey::kNotReady);
  }
  for (std::uint8_t action = 0; action < 4; ++action) {
    EXPECT_TRUE(bench.run(a, reserve_in(action)).check(kPersistentReservationInformationLost));
  }
  EXPECT_TRUE(bench.run(a, reserve_out({.service_key = kKeyA})).check(kPersistentReservationInformationLost));
  EXPECT_TRUE(bench.run(a, reserve_6()).check(kPersistentReservationInformationLost));
  const OutFields replace{.action = ReserveAction::kReplaceLost,
                          .service_key = kKeyA,
                          .type = ReservationType::kWriteExclusive,
                          .flags = 1};
  ASSERT_TRUE(bench.run(a, reserve_out(replace)).good());
  EXPECT_TRUE(bench.run(a, write_block(0, 'x')).good());
  EXPECT_TRUE(conflicts(bench.run(b, write_block(0, 'x'))));
  EXPECT_TRUE(bench.run(b, read_block(0)).good());
  EXPECT_TRUE(ReservationTable::decode(store->load("disk", kReservationsRecord).value().value()).has_value());
}

TEST(KeptReservations, ChangeThatCannotBeKeptFailsAndChangesNothing) {
  TemporaryDirectory directory;
  const auto store = MetadataStore::open(directory.path() + "/records").value();
  ReserveBench bench(2, store.get());
  LoopNexus& a = bench.login("iqn.a", 0);
  LoopNexus& b = bench.login("iqn.b", 1);
  ASSERT_TRUE(bench.enroll(a, kKeyA, true));
  std::filesystem::remove_all(directory.path() + "/records");
  ExpectLog failed("disk: a change of its reservations could not be kept");
  EXPECT_TRUE(bench.run(b, reserve_out({.service_key = kKeyB, .flags = 1})).check(kInternalTargetFailure));
  const OutFields fields{.action = ReserveAction::kReserve, .key = kKeyA, .type = ReservationType::kWriteExclusive};
  EXPECT_TRUE(bench.run(a, reserve_out(fields)).check(kInternalTargetFailure));
  EXPECT_EQ(failed.count(), 2);
  EXPECT_EQ(bench.keys(b), std::vector{kKeyA});
  EXPECT_EQ(bench.type(b), ReservationType::kNone);
  EXPECT_TRUE(bench.run(b, write_block(0, 'x')).good());
  EXPECT_EQ(bench.generation(b), 1u);
}

TEST(KeptReservations, ChangesWaitForEachOtherInOrder) {
  TemporaryDirectory directory;
  const auto store = MetadataStore::open(directory.path()).value();
  ReserveBench bench(1, store.get());
  LoopNexus& a = bench.login("iqn.a");
  LoopCommand& one = a.send(reserve_out({.service_key = 1, .flags = 1}));
  LoopCommand& two = a.send(reserve_out({.key = 1, .service_key = 2, .flags = 1}));
  LoopCommand& three = a.send(reserve_out({.key = 2, .service_key = 3, .flags = 1}));
  while (!three.reply.over) bench.target.settle();
  EXPECT_TRUE(one.reply.good() && two.reply.good() && three.reply.good());
  EXPECT_EQ(bench.keys(a), std::vector<std::uint64_t>{3});
}

}  // namespace
}  // namespace scsi
