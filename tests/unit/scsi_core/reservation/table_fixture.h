// A reservation table with a few I_T nexuses at it, for the tests of its rules.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scsi_core/lu_control.h"
#include "scsi_core/reservation/table.h"
#include "scsi_core/sense_codes.h"

namespace scsi::test {

inline constexpr std::array kAllTypes = {
    ReservationType::kWriteExclusive,
    ReservationType::kExclusiveAccess,
    ReservationType::kWriteExclusiveRegistrantsOnly,
    ReservationType::kExclusiveAccessRegistrantsOnly,
    ReservationType::kWriteExclusiveAllRegistrants,
    ReservationType::kExclusiveAccessAllRegistrants,
};

inline NexusKey iscsi_nexus(const std::string& name, std::uint16_t port = 1) {
  return {{5, "iqn." + name + ",i,0x000000000001"}, port};
}

inline TargetPortIdentity target_port(std::uint16_t relative_id, std::uint8_t protocol = 5) {
  TargetPortIdentity port;
  port.protocol = protocol;
  port.relative_id = relative_id;
  return port;
}

class TableTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kKeyA = 0xa, kKeyB = 0xb, kKeyC = 0xc;
  const NexusKey a_ = iscsi_nexus("a"), b_ = iscsi_nexus("b"), c_ = iscsi_nexus("c");
  ReservationTable table_;
  std::vector<TargetPortIdentity> ports_ = {target_port(1), target_port(2)};
  std::vector<NexusKey> nexuses_;

  ReserveResult apply(const NexusKey& nexus, const ReserveRequest& request) {
    const ReservationTable before = table_;
    const ReserveResult result = table_.apply(nexus, request, {ports_, nexuses_});
    EXPECT_TRUE(result.changed || table_ == before) << "said nothing changed";
    EXPECT_TRUE(result.outcome.status == Status::kGood || !result.changed);
    return result;
  }
  ReserveResult out(const NexusKey& nexus, ReserveAction action, std::uint64_t key, std::uint64_t service_key = 0,
                    ReservationType type = ReservationType::kNone) {
    ReserveRequest request;
    request.action = action;
    request.key = key;
    request.service_key = service_key;
    request.type = static_cast<std::uint8_t>(type);
    return apply(nexus, request);
  }
  void enroll(const NexusKey& nexus, std::uint64_t key) {
    const auto result = out(nexus, ReserveAction::kRegister, 0, key);
    ASSERT_EQ(result.outcome.status, Status::kGood);
  }
  void reserve(const NexusKey& nexus, std::uint64_t key, ReservationType type) {
    ASSERT_EQ(out(nexus, ReserveAction::kReserve, key, 0, type).outcome.status, Status::kGood);
  }
  static std::vector<NexusKey> told(const ReserveResult& result, SenseCode code) {
    std::vector<NexusKey> nexuses;
    for (const ReserveAttention& each : result.attentions) {
      if (each.code == code) nexuses.insert(nexuses.end(), each.nexuses.begin(), each.nexuses.end());
    }
    return nexuses;
  }
  static std::size_t attentions(const ReserveResult& result) {
    std::size_t count = 0;
    for (const ReserveAttention& each : result.attentions) count += each.nexuses.size();
    return count;
  }
  std::uint64_t key_of(const NexusKey& nexus) const {
    const Registration* const found = table_.find(nexus);
    return found == nullptr ? 0 : found->key;
  }
};

inline void expect_conflict(const ReserveResult& result) {
  EXPECT_EQ(result.outcome.status, Status::kReservationConflict);
}
inline void expect_good(const ReserveResult& result) { EXPECT_EQ(result.outcome.status, Status::kGood); }
inline void expect_sense(const ReserveResult& result, SenseCode code) {
  EXPECT_EQ(result.outcome.status, Status::kCheckCondition);
  EXPECT_EQ(result.outcome.sense.code, code);
}
inline void expect_bad_parameter(const ReserveResult& result, std::uint16_t byte) {
  expect_sense(result, kInvalidFieldInParameterList);
  EXPECT_EQ(result.outcome.sense.pointer, Sense::Pointer::kParameterList);
  EXPECT_EQ(result.outcome.sense.byte, byte);
}
inline void expect_bad_cdb(const ReserveResult& result, std::uint16_t byte) {
  expect_sense(result, kInvalidFieldInCdb);
  EXPECT_EQ(result.outcome.sense.pointer, Sense::Pointer::kCdb);
  EXPECT_EQ(result.outcome.sense.byte, byte);
}

}  // namespace scsi::test
