// Unit tests of reservations as bytes: parameter lists in, parameter data out, the record that APTPL keeps.
#include <cstring>

#include "scsi_core/reservation/parameters.h"
#include "scsi_core/reservation/report.h"
#include "scsi_core/reservation/transport_id.h"
#include "tests/unit/scsi_core/reservation/table_fixture.h"

namespace scsi {
namespace {

using namespace test;
using Bytes = std::vector<std::byte>;

// --- PERSISTENT RESERVE OUT parameter lists ---

Bytes hex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::byte>(high * 16 + digit));
      high = -1;
    }
  }
  return out;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct Parsed {
  Outcome outcome;
  ReserveRequest request;
};

Parsed parse(std::uint8_t action, const Bytes& list, std::uint8_t scope_and_type = 0) {
  const std::uint8_t cdb[10] = {0x5f, action, scope_and_type};
  Parsed parsed;
  parsed.outcome = parse_reserve_request(cdb, list, parsed.request);
  return parsed;
}

const Bytes kKeys = hex("0102030405060708 1112131415161718 00000000");
const Bytes kFibreChannelId = hex("0000000000000000 5001020304050607 0000000000000000");

TEST(ReserveParameters, BasicListIsReadFieldByField) {
  const auto parsed = parse(6, kKeys + hex("05 00 0000"), 0x15);
  EXPECT_EQ(parsed.outcome.status, Status::kGood);
  EXPECT_EQ(parsed.request.action, ReserveAction::kRegisterAndIgnore);
  EXPECT_EQ(parsed.request.scope, 1);
  EXPECT_EQ(parsed.request.type, 5);
  EXPECT_EQ(parsed.request.key, 0x0102030405060708u);
  EXPECT_EQ(parsed.request.service_key, 0x1112131415161718u);
  EXPECT_TRUE(parsed.request.all_target_ports);
  EXPECT_TRUE(parsed.request.persist);
  EXPECT_FALSE(parsed.request.specify_initiators);
}

TEST(ReserveParameters, MoveListIsReadFieldByField) {
  const auto parsed = parse(7, hex("0102030405060708 1112131415161718 00 03 0203 00000018") + kFibreChannelId);
  EXPECT_EQ(parsed.outcome.status, Status::kGood);
  EXPECT_EQ(parsed.request.list_error.status, Status::kGood);
  EXPECT_TRUE(parsed.request.unregister);
  EXPECT_TRUE(parsed.request.persist);
  EXPECT_EQ(parsed.request.relative_port, 0x0203);
  ASSERT_EQ(parsed.request.initiators.size(), 1u);
  EXPECT_EQ(parsed.request.initiators[0].id, (TransportId{0, "\x50\x01\x02\x03\x04\x05\x06\x07"}));
  EXPECT_EQ(parsed.request.initiators[0].byte, 24);
}

TEST(ReserveParameters, SpecifiedInitiatorsAreReadOneByOne) {
  const auto parsed = parse(0, kKeys + hex("08 00 0000 00000030") + kFibreChannelId + kFibreChannelId);
  EXPECT_EQ(parsed.request.list_error.status, Status::kGood);
  ASSERT_EQ(parsed.request.initiators.size(), 2u);
  EXPECT_EQ(parsed.request.initiators[0].byte, 28);
  EXPECT_EQ(parsed.request.initiators[1].byte, 52);
}

TEST(ReserveParameters, AnyOtherLengthThan24WithoutInitiatorsIsALengthError) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{23}, std::size_t{25}, std::size_t{48}}) {
    for (std::uint8_t action = 0; action < 9; ++action) {
      if (action == 7 && length >= 24) continue;
      EXPECT_EQ(parse(action, Bytes(length)).outcome.sense.code, kParameterListLengthError) << length;
    }
  }
}

TEST(ReserveParameters, SpecifyInitiatorsIsForRegisterOnly) {
  for (std::uint8_t action = 1; action < 9; ++action) {
    if (action == 7) continue;
    const Outcome outcome = parse(action, kKeys + hex("08 00 0000 00000000")).outcome;
    EXPECT_EQ(outcome.sense.code, kInvalidFieldInParameterList);
    EXPECT_EQ(outcome.sense.byte, 20);
    EXPECT_EQ(outcome.sense.bit, 3);
  }
}

TEST(ReserveParameters, ReservedServiceActionsAreRefused) {
  for (std::uint8_t action = 9; action < 32; ++action) {
    EXPECT_EQ(parse(action, Bytes(24)).outcome.sense.code, kInvalidFieldInCdb);
  }
}

TEST(ReserveParameters, ListThatEndsBeforeItsInitiatorsIsALengthError) {
  EXPECT_EQ(parse(0, kKeys + hex("08 00 0000")).request.list_error.sense.code, kParameterListLengthError);
  EXPECT_EQ(parse(0, kKeys + hex("08 00 0000 000000")).request.list_error.sense.code, kParameterListLengthError);
  EXPECT_EQ(parse(0, kKeys + hex("08 00 0000 00000019") + kFibreChannelId).request.list_error.sense.code,
            kParameterListLengthError);
  EXPECT_EQ(parse(0, kKeys + hex("08 00 0000 ffffffff") + kFibreChannelId).request.list_error.sense.code,
            kParameterListLengthError);
  EXPECT_EQ(parse(7, kKeys + hex("00000019") + kFibreChannelId).request.list_error.sense.code,
            kParameterListLengthError);
}

TEST(ReserveParameters, CutTransportIdIsRefusedAtItsByte) {
  const Outcome outcome = parse(0, kKeys + hex("08 00 0000 00000028") + kFibreChannelId + Bytes(16)).request.list_error;
  EXPECT_EQ(outcome.sense.code, kInvalidFieldInParameterList);
  EXPECT_EQ(outcome.sense.byte, 52);
}

TEST(ReserveParameters, MalformedTransportIdIsRefusedAtItsByte) {
  const Bytes iscsi = hex("45000014") + hex("69716e2e323032362d30312e6162632c692c3078");  // separator at the very end
  const Outcome outcome = parse(0, kKeys + hex("08 00 0000 00000030") + kFibreChannelId + iscsi).request.list_error;
  EXPECT_EQ(outcome.sense.code, kInvalidFieldInParameterList);
  EXPECT_EQ(outcome.sense.byte, 52 + 23);
}

TEST(ReserveParameters, MoveNamesExactlyOneInitiator) {
  for (const char* length : {"00000000", "00000014", "0000001a"}) {
    const Outcome outcome = parse(7, kKeys + hex(length) + kFibreChannelId + kFibreChannelId).request.list_error;
    EXPECT_EQ(outcome.sense.code, kInvalidFieldInParameterList) << length;
    EXPECT_EQ(outcome.sense.byte, 20);
  }
  const Outcome two = parse(7, kKeys + hex("00000030") + kFibreChannelId + kFibreChannelId).request.list_error;
  EXPECT_EQ(two.sense.byte, 20);
}

// --- PERSISTENT RESERVE IN ---

class ReportTest : public TableTest {
 protected:
  template <class Report>
  Bytes report(Report fn, std::size_t allocation = 4096) {
    Bytes out(allocation);
    base::Writer writer(out);
    fn(table_, writer);
    out.resize(writer.written());
    return out;
  }
};

TEST_F(ReportTest, KeysInOrderOfRegistrationDuplicatesIncluded) {
  EXPECT_EQ(report(report_keys), hex("00000000 00000000"));
  enroll(a_, 0xa);
  enroll(b_, 0xb);
  enroll(c_, 0xa);
  EXPECT_EQ(report(report_keys), hex("00000003 00000018 000000000000000a 000000000000000b 000000000000000a"));
}

TEST_F(ReportTest, AllocationLengthCutsTheDataAndNotTheLengthInside) {
  enroll(a_, 0xa);
  EXPECT_EQ(report(report_keys, 8), hex("00000001 00000008"));
  for (std::size_t allocation = 0; allocation < 20; ++allocation) {
    EXPECT_EQ(report(report_full_status, allocation).size(), allocation);
    EXPECT_EQ(report(report_capabilities, allocation).size(), std::min<std::size_t>(allocation, 8));
  }
}

TEST_F(ReportTest, ReservationWithItsHoldersKey) {
  enroll(a_, 0xa);
  EXPECT_EQ(report(report_reservation), hex("00000001 00000000"));
  reserve(a_, 0xa, ReservationType::kExclusiveAccessRegistrantsOnly);
  EXPECT_EQ(report(report_reservation), hex("00000001 00000010 000000000000000a 00000000 00 06 0000"));
}

TEST_F(ReportTest, ReservationOfAllRegistrantsHasKeyZero) {
  enroll(a_, 0xa);
  reserve(a_, 0xa, ReservationType::kWriteExclusiveAllRegistrants);
  EXPECT_EQ(report(report_reservation), hex("00000001 00000010 0000000000000000 00000000 00 07 0000"));
}

TEST_F(ReportTest, CapabilitiesNameAllTypesAndTheAptplState) {
  EXPECT_EQ(report(report_capabilities), hex("0008 9d 90 ea01 0000"));
  expect_good(apply(a_, {.service_key = 1, .persist = true}));
  EXPECT_EQ(report(report_capabilities), hex("0008 9d 91 ea01 0000"));
}

TEST_F(ReportTest, FullStatusDescribesEachRegistration) {
  const NexusKey fc{{0, "\x50\x01\x02\x03\x04\x05\x06\x07"}, 0x0102};
  enroll(fc, 0xa);
  enroll(a_, 0xb);
  reserve(fc, 0xa, ReservationType::kWriteExclusive);
  const Bytes iscsi = encode_transport_id(a_.initiator);
  const Bytes data = report(report_full_status);
  EXPECT_EQ(data, hex("00000002 00000064 000000000000000a 00000000 01 01 00000000 0102 00000018") + kFibreChannelId +
                      hex("000000000000000b 00000000 00 00 00000000 0001 0000001c") + iscsi);
}

TEST_F(ReportTest, FullStatusOfAllRegistrantsShowsEachAsHolder) {
  enroll(a_, 0xa);
  enroll(b_, 0xb);
  reserve(a_, 0xa, ReservationType::kExclusiveAccessAllRegistrants);
  const Bytes data = report(report_full_status);
  const std::size_t size = 24 + encode_transport_id(a_.initiator).size();
  for (const std::size_t at : {std::size_t{8}, 8 + size}) {
    EXPECT_EQ(data[at + 12], std::byte{1});
    EXPECT_EQ(data[at + 13], std::byte{8});
  }
}

TEST_F(ReportTest, NamesInFullStatusAreWhatWasRegistered) {
  for (int i = 0; i < 50; ++i) enroll(iscsi_nexus(std::string(static_cast<std::size_t>(i + 1), 'x')), 1);
  const Bytes data = report(report_full_status, 65535);
  std::size_t at = 8;
  for (const Registration& each : table_.registrations()) {
    const auto parsed = parse_transport_id(std::span(data).subspan(at + 24));
    EXPECT_EQ(parsed.id, each.nexus.initiator);
    at += 24 + parsed.length;
  }
  EXPECT_EQ(at, data.size());
}

// --- the record ---

class RecordTest : public TableTest {
 protected:
  void SetUp() override {
    enroll({{0, std::string("\0\1\2\3\4\5\6\7", 8)}, 3}, 7);
    enroll(a_, kKeyA);
    expect_good(apply(b_, {.service_key = kKeyB, .persist = true}));
    reserve(a_, kKeyA, ReservationType::kWriteExclusiveRegistrantsOnly);
  }
};

TEST_F(RecordTest, EverythingButTheGenerationComesBack) {
  const ReservationTable restored = ReservationTable::decode(table_.encode()).value();
  EXPECT_EQ(restored.registrations(), table_.registrations());
  EXPECT_EQ(restored.holder(), table_.holder());
  EXPECT_EQ(restored.type(), table_.type());
  EXPECT_TRUE(restored.persists());
  EXPECT_EQ(restored.generation(), 0u);
  EXPECT_FALSE(restored.lost());
}

TEST_F(RecordTest, EveryTypeComesBackWithItsHolders) {
  for (const ReservationType type : kAllTypes) {
    table_ = {};
    enroll(a_, kKeyA);
    reserve(a_, kKeyA, type);
    const ReservationTable restored = ReservationTable::decode(table_.encode()).value();
    EXPECT_EQ(restored.type(), type);
    EXPECT_TRUE(restored.holds(a_));
  }
}

TEST_F(RecordTest, OldReserveIsNotKept) {
  table_ = {};
  expect_good(table_.reserve(a_));
  EXPECT_FALSE(ReservationTable::decode(table_.encode()).value().reserved_by_reserve());
}

TEST_F(RecordTest, AsManyRegistrantsAsThereMayBe) {
  table_ = {};
  for (std::size_t i = 0; i < ReservationTable::kMaxRegistrants; ++i) {
    expect_good(table_.apply(iscsi_nexus(std::to_string(i) + std::string(200, 'n')), {.service_key = i + 1}, {}));
  }
  EXPECT_EQ(ReservationTable::decode(table_.encode()).value().registrations(), table_.registrations());
}

TEST_F(RecordTest, CutOrPaddedIsRefused) {
  Bytes record = table_.encode();
  for (std::size_t length = 0; length < record.size(); ++length) {
    EXPECT_FALSE(ReservationTable::decode(std::span(record).first(length)).has_value()) << length;
  }
  record.push_back(std::byte{0});
  EXPECT_FALSE(ReservationTable::decode(record).has_value());
}

TEST_F(RecordTest, ContradictionsAreRefused) {
  const auto with = [&](std::size_t at, std::string_view bytes) {
    Bytes record = table_.encode();
    const Bytes patch = hex(bytes);
    std::memcpy(record.data() + at, patch.data(), patch.size());
    return ReservationTable::decode(record).has_value();
  };
  EXPECT_TRUE(with(0, "0001"));
  EXPECT_FALSE(with(0, "0002"));      // version
  EXPECT_FALSE(with(2, "02"));        // APTPL
  EXPECT_FALSE(with(3, "02"));        // a type that does not exist
  EXPECT_FALSE(with(3, "00"));        // no reservation, but a holder
  EXPECT_FALSE(with(3, "07"));        // all registrants, but one holder
  EXPECT_FALSE(with(4, "00000003"));  // a holder that is not there
  EXPECT_FALSE(with(4, "ffffffff"));  // no holder
  EXPECT_FALSE(with(8, "00000002"));  // fewer registrants than follow
  EXPECT_FALSE(with(8, "00000004"));  // more
  EXPECT_FALSE(with(8, "00000401"));  // more than there may be
  EXPECT_FALSE(with(8, "ffffffff"));
  EXPECT_FALSE(with(12, "0000000000000000"));  // a key of zero
  EXPECT_FALSE(with(24, "0000"));              // an empty name
  EXPECT_FALSE(with(24, "ffff"));
}

TEST_F(RecordTest, RegistrantTwiceIsRefused) {
  Bytes record = table_.encode();
  const std::size_t each = 14 + 8;
  const Bytes first(record.begin() + 12, record.begin() + 12 + static_cast<std::ptrdiff_t>(each));
  record.resize(12);
  record = record + first + first;
  const Bytes header = hex("0001 00 00 ffffffff 00000002");
  std::memcpy(record.data(), header.data(), header.size());
  EXPECT_FALSE(ReservationTable::decode(record).has_value());
  record[12 + each + 7] = std::byte{8};  // another key does not make it another registrant
  EXPECT_FALSE(ReservationTable::decode(record).has_value());
  record[12 + each + 9] = std::byte{9};  // another target port does
  EXPECT_TRUE(ReservationTable::decode(record).has_value());
}

}  // namespace
}  // namespace scsi
