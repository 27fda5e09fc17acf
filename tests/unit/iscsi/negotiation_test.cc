// Unit tests of the key table and its result functions.
#include "fabrics/iscsi/negotiation.h"

#include <gtest/gtest.h>

#include <string>

namespace iscsi {
namespace {

struct Offer {
  const char* key;
  const char* value;
  const char* answer;  // null: none
};

std::string answer_to(const char* key, const char* value, bool discovery = false, KeyPlace place = kInOperational) {
  Negotiation negotiation({}, discovery);
  TextWriter answer(8192);
  if (!negotiation.offer({key, value}, place, answer)) return "violation";
  negotiation.finish(answer);
  if (answer.empty()) return "";
  const std::string& text = answer.text();
  EXPECT_EQ(text.find('\0'), text.size() - 1) << "one answer";
  return text.substr(text.find('=') + 1, text.size() - text.find('=') - 2);
}

class KeyAnswer : public testing::TestWithParam<Offer> {};

TEST_P(KeyAnswer, IsTheResultFunctionOfTheKey) {
  const Offer& offer = GetParam();
  EXPECT_EQ(answer_to(offer.key, offer.value), offer.answer) << offer.key << "=" << offer.value;
}

INSTANTIATE_TEST_SUITE_P(
    Rfc7143, KeyAnswer,
    testing::Values(
        Offer{"HeaderDigest", "None", "None"}, Offer{"HeaderDigest", "CRC32C", "CRC32C"},
        Offer{"HeaderDigest", "CRC32C,None", "CRC32C"}, Offer{"DataDigest", "None,CRC32C", "None"},
        Offer{"DataDigest", "X-foo,CRC32C", "CRC32C"}, Offer{"DataDigest", "X-foo", "Reject"},
        Offer{"DataDigest", "", "Reject"}, Offer{"MaxConnections", "8", "1"}, Offer{"MaxConnections", "0", "Reject"},
        Offer{"MaxConnections", "65536", "Reject"}, Offer{"InitialR2T", "Yes", "Yes"}, Offer{"InitialR2T", "No", "No"},
        Offer{"InitialR2T", "yes", "Reject"}, Offer{"ImmediateData", "Yes", "Yes"}, Offer{"ImmediateData", "No", "No"},
        Offer{"ImmediateData", "1", "Reject"}, Offer{"MaxBurstLength", "262144", "262144"},
        Offer{"MaxBurstLength", "16776192", "16776192"}, Offer{"MaxBurstLength", "16777215", "16776192"},
        Offer{"MaxBurstLength", "16777216", "Reject"}, Offer{"MaxBurstLength", "511", "Reject"},
        Offer{"MaxBurstLength", "0x400", "1024"}, Offer{"FirstBurstLength", "65536", "65536"},
        Offer{"FirstBurstLength", "16777215", "262144"}, Offer{"FirstBurstLength", "512", "512"},
        Offer{"FirstBurstLength", "many", "Reject"}, Offer{"DefaultTime2Wait", "2", "2"},
        Offer{"DefaultTime2Wait", "0", "0"}, Offer{"DefaultTime2Wait", "3601", "Reject"},
        Offer{"DefaultTime2Retain", "20", "0"}, Offer{"MaxOutstandingR2T", "1", "1"},
        Offer{"MaxOutstandingR2T", "65535", "4"}, Offer{"MaxOutstandingR2T", "0", "Reject"},
        Offer{"DataPDUInOrder", "No", "No"}, Offer{"DataPDUInOrder", "Yes", "Yes"},
        Offer{"DataSequenceInOrder", "No", "No"}, Offer{"DataSequenceInOrder", "Yes", "Yes"},
        Offer{"ErrorRecoveryLevel", "2", "0"}, Offer{"ErrorRecoveryLevel", "3", "Reject"},
        Offer{"TaskReporting", "FastAbort,ResponseFence,RFC3720", "ResponseFence"},
        Offer{"TaskReporting", "RFC3720", "RFC3720"}, Offer{"TaskReporting", "FastAbort", "Reject"},
        Offer{"iSCSIProtocolLevel", "1", "1"}, Offer{"iSCSIProtocolLevel", "31", "2"},
        Offer{"iSCSIProtocolLevel", "32", "Reject"}, Offer{"RDMAExtensions", "Yes", "No"},
        Offer{"IFMarker", "Yes", "No"}, Offer{"OFMarker", "No", "No"}, Offer{"IFMarkInt", "2048~8192", "Reject"},
        Offer{"OFMarkInt", "1~2", "Reject"}, Offer{"MaxRecvDataSegmentLength", "8192", ""},
        Offer{"MaxRecvDataSegmentLength", "511", "violation"},
        Offer{"MaxRecvDataSegmentLength", "16777216", "violation"}, Offer{"InitiatorAlias", "host", ""},
        Offer{"X#NodeArchitecture", "linux", ""}, Offer{"X-com.example.key", "1", "NotUnderstood"},
        Offer{"Unknown", "1", "NotUnderstood"}, Offer{"maxburstlength", "512", "NotUnderstood"},
        Offer{"TargetAlias", "x", "Reject"}, Offer{"TargetAddress", "1.2.3.4:3260,1", "Reject"},
        Offer{"TargetPortalGroupTag", "1", "Reject"}, Offer{"SendTargets", "All", "violation"},
        Offer{"AuthMethod", "None", "violation"}, Offer{"CHAP_A", "5", "violation"}));

// RFC 7143 13.18, 13.19: what is lost is found by its order (7.9), so we want order where loss is recovered.
TEST(Negotiation, DataComesInOrderFromErrorRecoveryLevel1On) {
  const auto agreed = [](const char* level) {
    Negotiation negotiation({}, false);
    negotiation.set_error_recovery_level(2);
    TextWriter answer(8192);
    EXPECT_TRUE(negotiation.offer({"DataPDUInOrder", "No"}, kInOperational, answer));
    if (level != nullptr) {
      EXPECT_TRUE(negotiation.offer({"ErrorRecoveryLevel", level}, kInOperational, answer));
    }
    EXPECT_TRUE(negotiation.offer({"DataSequenceInOrder", "No"}, kInOperational, answer));
    negotiation.finish(answer);
    const Parameters& parameters = negotiation.parameters();
    EXPECT_EQ(parameters.data_pdu_in_order, parameters.data_sequence_in_order);
    EXPECT_NE(answer.text().find(parameters.data_pdu_in_order ? "DataPDUInOrder=Yes" : "DataPDUInOrder=No"),
              std::string::npos);
    return parameters.data_pdu_in_order;
  };
  EXPECT_FALSE(agreed("0"));
  EXPECT_TRUE(agreed("1"));
  EXPECT_TRUE(agreed("2"));
  EXPECT_TRUE(agreed(nullptr));  // it may still be offered
}

TEST(Negotiation, KeysWithoutMeaningForDiscoveryAreIrrelevantThere) {
  for (const char* const key : {"MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength",
                                "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder", "TaskReporting"}) {
    EXPECT_EQ(answer_to(key, "Yes", true), "Irrelevant") << key;
    EXPECT_EQ(answer_to(key, "Yes", true, kInFullFeature), "Irrelevant") << key;
  }
  EXPECT_EQ(answer_to("HeaderDigest", "CRC32C", true), "CRC32C");
}

// RFC 7143 4.3, UNH-IOL full feature item 17.4.1.
TEST(Negotiation, DiscoverySessionsAreAskedForTargetsOnlyAfterTheirLogin) {
  for (const char* const key : {"MaxRecvDataSegmentLength", "InitiatorAlias", "HeaderDigest", "InitiatorName"}) {
    EXPECT_EQ(answer_to(key, "1024", true, kInFullFeature), "Irrelevant") << key;
  }
  EXPECT_EQ(answer_to("MaxRecvDataSegmentLength", "1024", true), "");
  EXPECT_EQ(answer_to("SendTargets", "All", true, kInFullFeature), "");
}

TEST(Negotiation, OperationalKeysAreNotForOtherPhases) {
  for (const KeyPlace place : {kInSecurity, kInFullFeature}) {
    EXPECT_EQ(answer_to("MaxBurstLength", "512", false, place), "violation");
    EXPECT_EQ(answer_to("HeaderDigest", "None", false, place), "violation");
  }
  EXPECT_EQ(answer_to("MaxRecvDataSegmentLength", "512", false, kInFullFeature), "");
  EXPECT_EQ(answer_to("SendTargets", "All", false, kInFullFeature), "");
}

TEST(Negotiation, EveryKeyIsNegotiatedOnce) {
  for (const KeyInfo& info : key_table()) {
    if (info.places == 0) continue;
    const auto place = static_cast<KeyPlace>(info.places & -info.places);
    Negotiation negotiation({}, false);
    TextWriter answer(8192);
    EXPECT_TRUE(negotiation.offer({info.name, "512"}, place, answer)) << info.name;
    EXPECT_FALSE(negotiation.offer({info.name, "512"}, place, answer)) << info.name;
  }
}

TEST(Negotiation, TextThatIsTooLongIsAViolation) {
  EXPECT_EQ(answer_to("InitiatorAlias", std::string(255, 'a').c_str()), "");
  EXPECT_EQ(answer_to("InitiatorAlias", std::string(256, 'a').c_str()), "violation");
}

TEST(Negotiation, FirstBurstNeverExceedsMaxBurstInWhateverOrderTheyCome) {
  for (const bool first_comes_first : {true, false}) {
    Negotiation negotiation({}, false);
    TextWriter answer(8192);
    const KeyValue first{"FirstBurstLength", "65536"}, burst{"MaxBurstLength", "4096"};
    ASSERT_TRUE(negotiation.offer(first_comes_first ? first : burst, kInOperational, answer));
    ASSERT_TRUE(negotiation.offer(first_comes_first ? burst : first, kInOperational, answer));
    negotiation.finish(answer);
    EXPECT_EQ(negotiation.parameters().first_burst, 4096u);
    EXPECT_NE(answer.text().find("FirstBurstLength=4096"), std::string::npos);
  }
}

TEST(Negotiation, FirstBurstIsIrrelevantWhenNothingMayComeUnasked) {
  Negotiation negotiation({}, false);
  TextWriter answer(8192);
  ASSERT_TRUE(negotiation.offer({"FirstBurstLength", "4096"}, kInOperational, answer));
  ASSERT_TRUE(negotiation.offer({"InitialR2T", "Yes"}, kInOperational, answer));
  ASSERT_TRUE(negotiation.offer({"ImmediateData", "No"}, kInOperational, answer));
  negotiation.finish(answer);
  EXPECT_NE(answer.text().find("FirstBurstLength=Irrelevant"), std::string::npos);
}

struct Wanted {
  const char* key;
  const char* value;
  const char* answer;
  TargetKeys target;
};

class KeyAnswerOfATarget : public testing::TestWithParam<Wanted> {};

// RFC 7143 6.2, 13: the result function takes what the target was told to want.
TEST_P(KeyAnswerOfATarget, IsTheResultFunctionOfItsSettings) {
  const Wanted& wanted = GetParam();
  Negotiation negotiation({}, false);
  negotiation.set_target(wanted.target);
  negotiation.set_error_recovery_level(2);
  TextWriter answer(8192);
  ASSERT_TRUE(negotiation.offer({wanted.key, wanted.value}, kInOperational, answer));
  negotiation.finish(answer);
  const std::string expected = std::string(wanted.key) + "=" + wanted.answer;
  EXPECT_EQ(answer.text(), expected + std::string(1, '\0'));
}

INSTANTIATE_TEST_SUITE_P(
    Rfc7143, KeyAnswerOfATarget,
    testing::Values(Wanted{"HeaderDigest", "None,CRC32C", "CRC32C", {.header_digest = DigestUse::kRequired}},
                    Wanted{"HeaderDigest", "None", "Reject", {.header_digest = DigestUse::kRequired}},
                    Wanted{"HeaderDigest", "CRC32C,None", "None", {.header_digest = DigestUse::kNone}},
                    Wanted{"HeaderDigest", "CRC32C", "Reject", {.header_digest = DigestUse::kNone}},
                    Wanted{"HeaderDigest", "None,CRC32C", "None", {.data_digest = DigestUse::kRequired}},
                    Wanted{"DataDigest", "None,CRC32C", "CRC32C", {.data_digest = DigestUse::kRequired}},
                    Wanted{"DataDigest", "CRC32C,None", "None", {.data_digest = DigestUse::kNone}},
                    Wanted{"InitialR2T", "No", "Yes", {.initial_r2t = true}},
                    Wanted{"ImmediateData", "Yes", "No", {.immediate_data = false}},
                    Wanted{"MaxBurstLength", "262144", "4096", {.max_burst_length = 4096}},
                    Wanted{"MaxBurstLength", "1024", "1024", {.max_burst_length = 4096}},
                    Wanted{"FirstBurstLength", "65536", "512", {.first_burst_length = 512}},
                    Wanted{"DefaultTime2Wait", "2", "9", {.default_time2wait = 9}},
                    Wanted{"DefaultTime2Retain", "3600", "60", {.default_time2retain = 60}},
                    Wanted{"DefaultTime2Retain", "20", "0", {.default_time2retain = 0}}));

TEST(Negotiation, OutstandingR2tsAreAsManyAsTheTargetWants) {
  Negotiation negotiation({}, false);
  negotiation.set_target({.max_outstanding_r2t = 2});
  TextWriter answer(8192);
  ASSERT_TRUE(negotiation.offer({"MaxOutstandingR2T", "3"}, kInOperational, answer));
  negotiation.finish(answer);
  EXPECT_EQ(negotiation.parameters().max_outstanding_r2t, 2);
}

TEST(Negotiation, FirstBurstIsBoundByTheBurstThatTheTargetWants) {
  Negotiation negotiation({}, false);
  negotiation.set_target({.max_burst_length = 2048});
  TextWriter answer(8192);
  ASSERT_TRUE(negotiation.offer({"FirstBurstLength", "65536"}, kInOperational, answer));
  ASSERT_TRUE(negotiation.offer({"MaxBurstLength", "65536"}, kInOperational, answer));
  negotiation.finish(answer);
  EXPECT_EQ(negotiation.parameters().first_burst, 2048u);
}

// RFC 7143 13.12: a declaration; a new one only says what is new.
TEST(Negotiation, TargetDeclaresItsSegmentLengthOnce) {
  Negotiation negotiation({}, false);
  negotiation.set_target({.max_recv_data_segment_length = 4096});
  TextWriter answer(8192);
  negotiation.declare(answer);
  negotiation.declare(answer);
  EXPECT_EQ(answer.text(), std::string("MaxRecvDataSegmentLength=4096\0", 30));
  EXPECT_EQ(negotiation.parameters().target_max_data, 4096u);
  TextWriter nothing(8192);
  Negotiation standard({}, false);
  standard.set_target({.max_recv_data_segment_length = 8192});
  standard.declare(nothing);
  EXPECT_TRUE(nothing.empty()) << "the standard's default";
}

TEST(Negotiation, RequiredDigestThatIsNotAgreedIsSaid) {
  Negotiation negotiation({}, false);
  TextWriter answer(8192);
  EXPECT_EQ(negotiation.refusal(), nullptr);
  negotiation.set_target({.header_digest = DigestUse::kRequired, .data_digest = DigestUse::kRequired});
  EXPECT_STREQ(negotiation.refusal(), "HeaderDigest is required");
  ASSERT_TRUE(negotiation.offer({"HeaderDigest", "CRC32C"}, kInOperational, answer));
  EXPECT_STREQ(negotiation.refusal(), "DataDigest is required");
  ASSERT_TRUE(negotiation.offer({"DataDigest", "CRC32C,None"}, kInOperational, answer));
  EXPECT_EQ(negotiation.refusal(), nullptr);
}

TEST(Negotiation, ResultsReachTheDatamover) {
  Negotiation negotiation({}, false);
  TextWriter answer(8192);
  for (const auto& [key, value] :
       {std::pair("HeaderDigest", "CRC32C"), std::pair("DataDigest", "CRC32C"), std::pair("InitialR2T", "No"),
        std::pair("ImmediateData", "No"), std::pair("MaxRecvDataSegmentLength", "65536"),
        std::pair("MaxBurstLength", "131072"), std::pair("FirstBurstLength", "32768"),
        std::pair("MaxOutstandingR2T", "2")}) {
    ASSERT_TRUE(negotiation.offer({key, value}, kInOperational, answer));
  }
  negotiation.finish(answer);
  const hal::DatamoverKeys keys = negotiation.parameters().datamover_keys();
  EXPECT_TRUE(keys.header_digest && keys.data_digest && !keys.initial_r2t && !keys.immediate_data);
  EXPECT_EQ(keys.send_data_segment_length, 65536u);
  EXPECT_EQ(keys.max_burst_length, 131072u);
  EXPECT_EQ(keys.first_burst_length, 32768u);
  EXPECT_EQ(keys.max_outstanding_r2t, 2u);
}

}  // namespace
}  // namespace iscsi
