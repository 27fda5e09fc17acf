// Unit tests of the login machine, by requests and responses.
#include "fabrics/iscsi/login.h"

#include <gtest/gtest.h>

#include <cstring>

#include "fabrics/iscsi/value.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using Flags = std::uint8_t;
constexpr Flags kSecurityToOperational = 0x81, kSecurityToFull = 0x83, kOperationalToFull = 0x87;
constexpr Flags kSecurity = 0x00, kOperational = 0x04, kOperationalAndMore = 0x44;

struct LoginTest : testing::Test {
  FabricConfig config;
  std::unique_ptr<Login> login;
  std::uint16_t portal_group = 1;
  pdu::LoginRequest request;
  std::uint32_t responses = 0;

  LoginTest() {
    Target target;
    target.name = kTarget;
    target.alias = "a disk";
    target.relative_port_ids = {1};
    config.targets = {target};
    request.isid = {0, 2, 3, 4, 5, 6};
    request.cid = 9;
    request.initiator_task_tag = 77;
    request.cmd_sn = 1000;
    request.exp_stat_sn = 5;
  }
  // The text comes in a heap block of exactly its size.
  Login::Next take(Flags flags, const std::string& text) {
    if (!login) {
      login = std::make_unique<Login>(
          SettingsRef(std::make_unique<Settings>(config, std::vector<Portal>{{"10.0.0.1:3260", 1}})),
          Arrival{.portal_group = portal_group, .peer = "10.0.0.9:50000", .local = "10.0.0.1:3260"});
    }
    request.flags = flags;
    const std::unique_ptr<std::byte[]> exact(new std::byte[text.size()]);
    std::memcpy(exact.get(), text.data(), text.size());
    const Login::Next next = login->take(request, {exact.get(), text.size()});
    const pdu::LoginResponse& response = login->response();
    EXPECT_EQ(response.stat_sn, 5 + responses++);
    EXPECT_EQ(response.initiator_task_tag, 77u);
    EXPECT_EQ(response.isid, request.isid);
    EXPECT_EQ(response.exp_cmd_sn, 1000u);
    EXPECT_EQ(response.version_active, 0);
    EXPECT_LE(login->text().size(), Login::kMaxAnswer);
    EXPECT_EQ(next == Login::Next::kClose, response.status != 0);
    return next;
  }
  Login::Next take(Flags flags, const Pairs& pairs) { return take(flags, text_of(pairs)); }
  std::string answered(const std::string& key) const { return value_in(login->text(), key); }
  Flags flags() const { return login->response().flags; }
  // A fresh login whose one request is refused.
  void expect_refused(LoginStatus status, Flags with_flags, const std::string& text) {
    login.reset();
    responses = 0;
    EXPECT_EQ(take(with_flags, text), Login::Next::kClose);
    EXPECT_EQ(static_cast<unsigned>(login->status()), static_cast<unsigned>(status));
    EXPECT_EQ(login->response().status, static_cast<std::uint16_t>(status));
    EXPECT_EQ(login->text(), "");
    EXPECT_EQ(flags() & 0x80, 0);
  }
  void expect_refused(LoginStatus status, Flags with_flags, const Pairs& pairs) {
    expect_refused(status, with_flags, text_of(pairs));
  }
  void require_digests() {
    config.targets[0].keys.header_digest = config.targets[0].keys.data_digest = DigestUse::kRequired;
  }
  static Pairs hello() { return {{"InitiatorName", kHost}, {"TargetName", kTarget}}; }
  static Pairs hello_and(const std::string& key, const std::string& value) {
    Pairs pairs = hello();
    pairs.emplace_back(key, value);
    return pairs;
  }
  void require_chap() {
    config.targets[0].authentication.required = true;
    config.targets[0].authentication.accounts = {
        {.user = "alice", .secret = "correct horse battery", .mutual_user = "", .mutual_secret = ""}};
  }
};

TEST_F(LoginTest, OneRequestIsEnoughWithoutAuthentication) {
  EXPECT_EQ(take(kOperationalToFull, hello()), Login::Next::kFullFeature);
  EXPECT_EQ(flags(), kOperationalToFull);
  EXPECT_EQ(answered("TargetPortalGroupTag"), "1");
  EXPECT_EQ(answered("TargetAlias"), "a disk");
  EXPECT_EQ(answered("MaxRecvDataSegmentLength"), "262144");
  EXPECT_EQ(login->parameters().target_max_data, 262144u);
  EXPECT_EQ(login->identity().initiator, kHost);
  EXPECT_EQ(login->identity().target, kTarget);
  LoginResult result = login->result();
  EXPECT_EQ(result.identity.initiator, kHost);
  EXPECT_EQ(result.response.flags, kOperationalToFull);
  EXPECT_EQ(value_in(result.text, "TargetAlias"), "a disk");
  result.refuse(LoginStatus::kTooManyConnections);
  EXPECT_EQ(result.response.status, 0x0206);
  EXPECT_EQ(result.response.flags, 0);
  EXPECT_EQ(result.text, "");
}

TEST_F(LoginTest, TwoStagesAsRealInitiatorsDoIt) {
  EXPECT_EQ(take(kSecurityToOperational, hello_and("AuthMethod", "CHAP,None")), Login::Next::kMore);
  EXPECT_EQ(flags(), kSecurityToOperational);
  EXPECT_EQ(answered("AuthMethod"), "None");
  EXPECT_EQ(answered("MaxRecvDataSegmentLength"), "<none>");
  EXPECT_EQ(take(kOperationalToFull, Pairs{{"HeaderDigest", "CRC32C,None"}, {"MaxRecvDataSegmentLength", "65536"}}),
            Login::Next::kFullFeature);
  EXPECT_EQ(answered("HeaderDigest"), "CRC32C");
  EXPECT_EQ(answered("TargetPortalGroupTag"), "<none>");
  EXPECT_TRUE(login->parameters().header_digest);
  EXPECT_EQ(login->parameters().initiator_max_data, 65536u);
}

TEST_F(LoginTest, SecurityStageMayLeadStraightToFullFeaturePhase) {
  EXPECT_EQ(take(kSecurityToFull, hello()), Login::Next::kFullFeature);
  EXPECT_EQ(login->parameters().target_max_data, 8192u);  // nobody declared anything
}

TEST_F(LoginTest, WithoutTheTransitBitTheStageGoesOn) {
  EXPECT_EQ(take(kOperational, hello()), Login::Next::kMore);
  EXPECT_EQ(flags(), kOperational);
  EXPECT_EQ(take(kOperational, Pairs{{"DataDigest", "None"}}), Login::Next::kMore);
  EXPECT_EQ(answered("DataDigest"), "None");
  EXPECT_EQ(answered("MaxRecvDataSegmentLength"), "<none>");  // said once
  EXPECT_EQ(take(kOperationalToFull, ""), Login::Next::kFullFeature);
}

TEST_F(LoginTest, TextMayBeCutAnywhereByTheContinueBit) {
  Pairs pairs = hello();
  pairs.emplace_back("HeaderDigest", "CRC32C");
  const std::string text = text_of(pairs);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    login.reset();
    responses = 0;
    ASSERT_EQ(take(kOperationalAndMore, text.substr(0, cut)), Login::Next::kMore);
    EXPECT_EQ(login->text(), "");
    EXPECT_EQ(flags(), kOperational);
    ASSERT_EQ(take(kOperationalToFull, text.substr(cut)), Login::Next::kFullFeature) << cut;
    EXPECT_EQ(answered("HeaderDigest"), "CRC32C");
  }
}

TEST_F(LoginTest, DiscoveryNeedsNoTarget) {
  EXPECT_EQ(
      take(kOperationalToFull, Pairs{{"InitiatorName", kHost}, {"SessionType", "Discovery"}, {"InitialR2T", "No"}}),
      Login::Next::kFullFeature);
  EXPECT_TRUE(login->identity().discovery);
  EXPECT_EQ(answered("TargetPortalGroupTag"), "<none>");
  EXPECT_EQ(answered("InitialR2T"), "Irrelevant");
}

TEST_F(LoginTest, NamesCompareWithoutCase) {
  EXPECT_EQ(take(kOperationalToFull,
                 Pairs{{"InitiatorName", "IQN.2026-01.test:HOST"}, {"TargetName", "iqn.2026-01.TEST:disk"}}),
            Login::Next::kFullFeature);
  EXPECT_EQ(login->identity().initiator, kHost);
}

TEST_F(LoginTest, StatusTellsWhatIsWrong) {
  expect_refused(LoginStatus::kMissingParameter, kOperationalToFull, Pairs{{"TargetName", kTarget}});
  expect_refused(LoginStatus::kMissingParameter, kOperationalToFull, Pairs{{"InitiatorName", kHost}});
  expect_refused(LoginStatus::kMissingParameter, kOperationalToFull, "");
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull,
                 Pairs{{"InitiatorName", "host"}, {"TargetName", kTarget}});
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull,
                 Pairs{{"InitiatorName", "iqn." + std::string(220, 'a')}, {"TargetName", kTarget}});
  expect_refused(LoginStatus::kNotFound, kOperationalToFull,
                 Pairs{{"InitiatorName", kHost}, {"TargetName", "iqn.2026-01.test:other"}});
  expect_refused(LoginStatus::kNotFound, kOperationalToFull,
                 Pairs{{"InitiatorName", kHost}, {"TargetName", "garbage"}});
  expect_refused(LoginStatus::kSessionTypeNotSupported, kOperationalToFull, hello_and("SessionType", "Boot"));
  portal_group = 2;
  expect_refused(LoginStatus::kNotFound, kOperationalToFull, hello());
}

TEST_F(LoginTest, VersionThatWeDoNotSpeakIsRefused) {
  request.version_min = 1;
  request.version_max = 1;
  expect_refused(LoginStatus::kUnsupportedVersion, kOperationalToFull, hello());
  request.version_min = 0;
  login.reset();
  responses = 0;
  EXPECT_EQ(take(kOperationalToFull, hello()), Login::Next::kFullFeature);
}

TEST_F(LoginTest, StagesThatDoNotExistAreRefused) {
  for (const int bad : {0x08, 0x0c, 0x8b, 0x8f, 0x82, 0x86, 0x80, 0x84, 0x85, 0xc7, 0xc3}) {
    expect_refused(LoginStatus::kInitiatorError, static_cast<Flags>(bad), hello());
  }
}

TEST_F(LoginTest, StageMayNotGoBackOrJump) {
  ASSERT_EQ(take(kSecurityToOperational, hello()), Login::Next::kMore);
  EXPECT_EQ(take(kSecurity, ""), Login::Next::kClose);
  login.reset();
  responses = 0;
  ASSERT_EQ(take(kSecurity, hello()), Login::Next::kMore);
  EXPECT_EQ(take(kOperationalToFull, ""), Login::Next::kClose);
}

TEST_F(LoginTest, RequestsOfOneLoginAreAlike) {
  const pdu::LoginRequest good = request;
  for (int field = 0; field < 5; ++field) {
    request = good;
    login.reset();
    responses = 0;
    ASSERT_EQ(take(kOperational, hello()), Login::Next::kMore);
    if (field == 0) request.isid[5] ^= 1;
    if (field == 1) request.tsih = 3;
    if (field == 2) request.cid = 10;
    if (field == 3) request.initiator_task_tag = 78;
    if (field == 4) request.cmd_sn = 1001;
    request.flags = kOperationalToFull;
    EXPECT_EQ(login->take(request, {}), Login::Next::kClose) << field;
    EXPECT_EQ(login->status(), LoginStatus::kInitiatorError);
  }
}

TEST_F(LoginTest, KeysComeOnceAndWhereTheyBelong) {
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, hello_and("InitiatorName", kHost));
  Pairs twice = hello_and("HeaderDigest", "None");
  twice.emplace_back("HeaderDigest", "CRC32C");
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, twice);
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, hello_and("AuthMethod", "None"));
  expect_refused(LoginStatus::kInitiatorError, kSecurityToFull, hello_and("MaxBurstLength", "512"));
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, hello_and("SendTargets", "All"));
}

TEST_F(LoginTest, SecondOfferOfAKeyInALaterRequestIsRefused) {
  ASSERT_EQ(take(kOperational, hello_and("MaxBurstLength", "512")), Login::Next::kMore);
  EXPECT_EQ(take(kOperational, Pairs{{"MaxBurstLength", "512"}}), Login::Next::kClose);
}

// --- bounds: what a stranger may cost ---

TEST_F(LoginTest, TextWithoutItsNulIsRefusedAtEveryLength) {
  const std::string start = text_of(hello());
  for (std::size_t size = 8185; size <= 8200; ++size) {
    std::string text = start + "X-a=";
    text.resize(size, 'v');
    expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, text);
    text.back() = '\0';
    login.reset();
    responses = 0;
    EXPECT_EQ(take(kOperationalToFull, text), Login::Next::kFullFeature);
    EXPECT_EQ(answered("X-a"), "NotUnderstood");
  }
}

TEST_F(LoginTest, LongKeyNamesAreRefused) {
  for (const std::size_t size : {1u, 63u, 64u, 255u, 8100u}) {
    const Pairs pairs = hello_and(std::string(size, 'k'), "v");
    if (size <= 63) {
      login.reset();
      responses = 0;
      EXPECT_EQ(take(kOperationalToFull, pairs), Login::Next::kFullFeature);
    } else {
      expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, pairs);
    }
  }
}

TEST_F(LoginTest, ManyKeysAreRefusedBeforeTheAnswerGrows) {
  for (const std::size_t count : {1u, 100u, 126u, 127u, 500u, 2048u}) {
    std::string text = text_of(hello());
    for (std::size_t i = 0; i < count; ++i) text += "a=b" + std::string(1, '\0');
    if (count + 2 <= Login::kMaxKeys) {
      login.reset();
      responses = 0;
      EXPECT_EQ(take(kOperationalToFull, text), Login::Next::kFullFeature) << count;
    } else {
      expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, text);
    }
  }
}

TEST_F(LoginTest, ManyKeysOverManyRequestsAreRefused) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a=b" + std::string(1, '\0');
  ASSERT_EQ(take(kOperational, hello()), Login::Next::kMore);
  ASSERT_EQ(take(kOperational, text), Login::Next::kMore);
  ASSERT_EQ(take(kOperational, text), Login::Next::kMore);
  EXPECT_EQ(take(kOperational, text), Login::Next::kClose);
}

TEST_F(LoginTest, AnswerThatDoesNotFitIsARefusal) {
  std::string text = text_of(hello());
  for (int i = 0; i < 120; ++i) text += std::string(60, 'k') + "=" + std::string(1, '\0');
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, text);
}

TEST_F(LoginTest, ContinuedTextIsBoundedInBytesAndInRequests) {
  Login::Next next = take(kOperationalAndMore, std::string(8192, 'a'));
  ASSERT_EQ(next, Login::Next::kMore);
  ASSERT_EQ(take(kOperationalAndMore, std::string(8192, 'a')), Login::Next::kMore);
  EXPECT_EQ(take(kOperationalAndMore, "a"), Login::Next::kClose);
  login.reset();
  responses = 0;
  for (unsigned i = 0; i < Login::kMaxPdus; ++i) ASSERT_EQ(take(kOperationalAndMore, ""), Login::Next::kMore);
  EXPECT_EQ(take(kOperationalAndMore, ""), Login::Next::kClose);
}

// --- authentication ---

TEST_F(LoginTest, SecurityStageCannotBeSkippedWhereItIsRequired) {
  require_chap();
  expect_refused(LoginStatus::kAuthenticationFailure, kOperationalToFull, hello());
  expect_refused(LoginStatus::kAuthenticationFailure, kOperational, hello());
  expect_refused(LoginStatus::kAuthenticationFailure, kSecurityToFull, hello());
  expect_refused(LoginStatus::kAuthenticationFailure, kSecurityToFull, hello_and("AuthMethod", "None"));
  expect_refused(LoginStatus::kAuthenticationFailure, kSecurityToOperational, hello_and("AuthMethod", "KRB5,SRP"));
  expect_refused(LoginStatus::kAuthenticationFailure, kSecurityToOperational, hello_and("CHAP_A", "5"));
}

TEST_F(LoginTest, ChapInItsThreeSteps) {
  require_chap();
  ASSERT_EQ(take(kSecurityToOperational, hello_and("AuthMethod", "CHAP,None")), Login::Next::kMore);
  EXPECT_EQ(answered("AuthMethod"), "CHAP");
  EXPECT_EQ(flags(), kSecurity) << "no transition before authentication";
  ASSERT_EQ(take(kSecurity, Pairs{{"CHAP_A", "5,7"}}), Login::Next::kMore);
  EXPECT_EQ(answered("CHAP_A"), "7");
  std::array<std::byte, 64> challenge{};
  const std::size_t size = decode_binary(answered("CHAP_C"), challenge).value();
  const auto identifier = static_cast<std::uint8_t>(parse_number(answered("CHAP_I")).value());
  const auto digest = ChapDigest::compute(ChapAlgorithm::kSha256, identifier, "correct horse battery",
                                          std::span(challenge).first(size));
  ASSERT_EQ(take(kSecurityToOperational, Pairs{{"CHAP_N", "alice"}, {"CHAP_R", encode_hex(digest->bytes())}}),
            Login::Next::kMore);
  EXPECT_EQ(flags(), kSecurityToOperational);
  EXPECT_EQ(login->identity().authentication, "CHAP alice, SHA256");
  EXPECT_EQ(take(kOperationalToFull, ""), Login::Next::kFullFeature);
}

TEST_F(LoginTest, UnknownUserAndWrongSecretLookTheSame) {
  require_chap();
  for (const char* const user : {"alice", "nobody"}) {
    login.reset();
    responses = 0;
    ASSERT_EQ(take(kSecurity, hello_and("AuthMethod", "CHAP")), Login::Next::kMore);
    ASSERT_EQ(take(kSecurity, Pairs{{"CHAP_A", "5"}}), Login::Next::kMore);
    EXPECT_EQ(take(kSecurityToOperational, Pairs{{"CHAP_N", user}, {"CHAP_R", "0x" + std::string(32, '0')}}),
              Login::Next::kClose);
    EXPECT_EQ(login->response().status, 0x0201);
    EXPECT_EQ(login->text(), "");
  }
}

TEST_F(LoginTest, ChapIsOfferedWhereThereAreUsersButNoneIsRequired) {
  require_chap();
  config.targets[0].authentication.required = false;
  ASSERT_EQ(take(kSecurityToFull, hello_and("AuthMethod", "CHAP,None")), Login::Next::kMore);
  EXPECT_EQ(answered("AuthMethod"), "CHAP");
  login.reset();
  responses = 0;
  EXPECT_EQ(take(kSecurityToFull, hello_and("AuthMethod", "None,CHAP")), Login::Next::kFullFeature);
}

TEST_F(LoginTest, DiscoveryHasItsOwnAuthentication) {
  config.discovery.required = true;
  config.discovery.accounts = {{.user = "d", .secret = "discovery secret", .mutual_user = "", .mutual_secret = ""}};
  const Pairs discovery = {{"InitiatorName", kHost}, {"SessionType", "Discovery"}};
  expect_refused(LoginStatus::kAuthenticationFailure, kOperationalToFull, discovery);
  login.reset();
  responses = 0;
  EXPECT_EQ(take(kOperationalToFull, hello()), Login::Next::kFullFeature) << "the target's is another";
}

TEST_F(LoginTest, AccessIsCheckedAfterAuthentication) {
  config.targets[0].initiators = {"iqn.2026-01.test:h*"};
  EXPECT_EQ(take(kOperationalToFull, hello()), Login::Next::kFullFeature);
  config.targets[0].initiators = {"iqn.2026-01.test:x*"};
  expect_refused(LoginStatus::kAuthorizationFailure, kOperationalToFull, hello());
  expect_refused(LoginStatus::kAuthorizationFailure, kSecurityToFull, hello_and("AuthMethod", "None"));
  require_chap();  // who has not proved who he is learns nothing about access
  expect_refused(LoginStatus::kAuthenticationFailure, kOperationalToFull, hello());
}

// A target may insist on digests; whoever does not agree, or goes past the negotiation, gets no session.
TEST_F(LoginTest, RequiredDigestsAreAgreedToOrThereIsNoSession) {
  require_digests();
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, hello());
  expect_refused(LoginStatus::kInitiatorError, kSecurityToFull, hello_and("AuthMethod", "None"));
  Pairs pairs = hello_and("HeaderDigest", "CRC32C");
  pairs.emplace_back("DataDigest", "None");
  expect_refused(LoginStatus::kInitiatorError, kOperationalToFull, pairs);
  login.reset();
  responses = 0;
  pairs.back().second = "None,CRC32C";
  EXPECT_EQ(take(kOperationalToFull, pairs), Login::Next::kFullFeature);
  EXPECT_EQ(answered("DataDigest"), "CRC32C");
}

// The answer Reject leaves the initiator another try before it leaves the stage (RFC 7143 6.2).
TEST_F(LoginTest, RequiredDigestMayBeAgreedToBeforeTheStageEnds) {
  require_digests();
  EXPECT_EQ(take(kOperational, hello_and("HeaderDigest", "CRC32C")), Login::Next::kMore);
  EXPECT_EQ(take(kOperationalToFull, Pairs{{"DataDigest", "CRC32C"}}), Login::Next::kFullFeature);
}

TEST_F(LoginTest, DiscoveryIsNotBoundByATargetsSettings) {
  require_digests();
  EXPECT_EQ(take(kOperationalToFull, Pairs{{"InitiatorName", kHost}, {"SessionType", "Discovery"}}),
            Login::Next::kFullFeature);
  EXPECT_EQ(answered("MaxRecvDataSegmentLength"), "262144");
}

TEST_F(LoginTest, SegmentLengthOfTheTargetIsDeclared) {
  config.targets[0].keys.max_recv_data_segment_length = 65536;
  EXPECT_EQ(take(kOperationalToFull, hello()), Login::Next::kFullFeature);
  EXPECT_EQ(answered("MaxRecvDataSegmentLength"), "65536");
}

}  // namespace
}  // namespace iscsi
