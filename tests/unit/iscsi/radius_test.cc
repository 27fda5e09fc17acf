// Unit tests of logins whose CHAP response somebody else judges.
#include <gtest/gtest.h>

#include "fabrics/iscsi/chap_digest.h"
#include "fabrics/iscsi/value.h"
#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using test_support::SentPdu;

struct FakeVerifier final : ChapVerifier {
  struct Asked {
    ChapProof proof;
    std::function<void(ChapVerdict)> done;
  };
  void verify(ChapProof proof, std::function<void(ChapVerdict)> done) override {
    asked.push_back({std::move(proof), std::move(done)});
  }
  void give_up() override {
    for (Asked& each : std::exchange(asked, {})) each.done(ChapVerdict::kUnknown);
  }
  void answer(ChapVerdict verdict) {
    ASSERT_FALSE(asked.empty());
    const Asked first = std::move(asked.front());
    asked.erase(asked.begin());
    first.done(verdict);
  }
  std::vector<Asked> asked;
};

constexpr const char* kSecret = "known to RADIUS only";

struct RadiusTest : testing::Test {
  RadiusTest() {
    bench.fabric->set_chap_verifier(verifier);
    bench.config.radius.addresses = {"192.0.2.5:1812"};
    bench.config.targets[0].authentication.required = true;
    bench.config.targets[0].authentication.radius = true;
    bench.config.targets[0].authentication.accounts = {{.user = "mary",
                                                        .secret = "not looked at here",
                                                        .mutual_user = "box",
                                                        .mutual_secret = "what we prove ourselves"}};
    EXPECT_TRUE(bench.apply());
    connection = &bench.connect();
  }
  SentPdu send(std::uint8_t flags, const Pairs& pairs) {
    request.flags = flags;
    request.initiator_task_tag = 7;
    request.isid = {0, 2, 0x3d, 0, 0, 1};
    const std::string text = text_of(pairs);
    connection->deliver(request, std::as_bytes(std::span(text)));
    bench.settle();
    return answer();
  }
  SentPdu answer() {
    if (connection->sent.empty()) return {};
    const SentPdu pdu = connection->sent.front();
    connection->sent.pop_front();
    return pdu;
  }
  // To where the response has been sent; what is asked of the verifier stays open.
  void ask(const std::string& user, Pairs more = {}) {
    send(0x00, {{"InitiatorName", kHost}, {"TargetName", kTarget}, {"AuthMethod", "CHAP,None"}});
    challenge = send(0x00, {{"CHAP_A", "7,5"}}).text();
    EXPECT_EQ(value_in(challenge, "CHAP_A"), "5") << "RADIUS knows no other";
    more.insert(more.begin(), {{"CHAP_N", user}, {"CHAP_R", response()}});
    EXPECT_EQ(send(0x87 & ~0x04u, more).data.size(), 0u);
    EXPECT_TRUE(connection->sent.empty()) << "answered before the verdict";
    ASSERT_EQ(verifier.asked.size(), 1u);
  }
  std::string response() {
    std::array<std::byte, 64> bytes;
    const auto size = decode_binary(value_in(challenge, "CHAP_C"), bytes);
    const auto identifier = static_cast<std::uint8_t>(parse_number(value_in(challenge, "CHAP_I")).value());
    return encode_hex(
        ChapDigest::compute(ChapAlgorithm::kMd5, identifier, kSecret, std::span(bytes).first(*size))->bytes());
  }
  SentPdu judge(ChapVerdict verdict) {
    verifier.answer(verdict);
    bench.settle();
    return answer();
  }
  static std::uint16_t status(const SentPdu& pdu) { return pdu.as<pdu::LoginResponse>().status; }

  FakeVerifier verifier;
  IscsiBench bench;
  test_support::FakeConnection* connection;
  pdu::LoginRequest request;
  std::string challenge;
};

TEST_F(RadiusTest, ProofGoesToTheVerifierAndItsVerdictLetsIn) {
  ask("alice");
  const ChapProof& proof = verifier.asked[0].proof;
  EXPECT_EQ(proof.user, "alice");
  EXPECT_EQ(std::to_string(proof.identifier), value_in(challenge, "CHAP_I"));
  EXPECT_EQ(encode_hex(proof.challenge), value_in(challenge, "CHAP_C"));
  EXPECT_EQ(encode_hex(proof.response), response());
  EXPECT_TRUE(bench.sessions().empty());
  const SentPdu last = judge(ChapVerdict::kRight);
  EXPECT_EQ(status(last), 0);
  EXPECT_EQ(last.header.flags, 0x83);
  ASSERT_EQ(bench.sessions().size(), 1u);
  EXPECT_EQ(bench.sessions()[0].authentication, "CHAP alice, MD5, RADIUS");
}

TEST_F(RadiusTest, WrongResponseIsRefused) {
  ask("alice");
  ExpectLog expect("refused with status 0201");
  EXPECT_EQ(status(judge(ChapVerdict::kWrong)), 0x0201);
  EXPECT_EQ(bench.counters().authentication_failures, 1u);
}

TEST_F(RadiusTest, NoAnswerIsNoRefusalOfTheInitiator) {
  ask("alice");
  ExpectLog expect("refused with status 0301");
  EXPECT_EQ(status(judge(ChapVerdict::kUnknown)), 0x0301);
}

TEST_F(RadiusTest, WeProveOurselvesByWhatWeKeep) {
  ask("mary", {{"CHAP_I", "9"}, {"CHAP_C", "0x0102030405060708"}});
  const std::string text = judge(ChapVerdict::kRight).text();
  EXPECT_EQ(value_in(text, "CHAP_N"), "box");
  const std::array<std::byte, 8> theirs = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                           std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
  EXPECT_EQ(value_in(text, "CHAP_R"),
            encode_hex(ChapDigest::compute(ChapAlgorithm::kMd5, 9, "what we prove ourselves", theirs)->bytes()));
  EXPECT_EQ(bench.sessions().at(0).authentication, "CHAP mary, MD5, RADIUS, mutual");
}

TEST_F(RadiusTest, WhoWantsProofOfUsWithoutAnAccountIsRefused) {
  ask("alice", {{"CHAP_I", "9"}, {"CHAP_C", "0x0102030405060708"}});
  ExpectLog expect("refused with status 0201");
  EXPECT_EQ(status(judge(ChapVerdict::kRight)), 0x0201);
}

TEST_F(RadiusTest, SecretThatWeKeepLetsNobodyIn) {
  ask("mary");
  ExpectLog expect("refused with status 0201");
  EXPECT_EQ(status(judge(ChapVerdict::kWrong)), 0x0201);
}

TEST_F(RadiusTest, ConnectionMayGoWhileTheVerifierThinks) {
  ask("alice");
  connection->lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_FALSE(connection->destroyed) << "the verdict still has to find it";
  judge(ChapVerdict::kRight);
  EXPECT_TRUE(connection->destroyed);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(RadiusTest, RequestBeforeTheVerdictEndsTheConnection) {
  ask("alice");
  ExpectLog expect("a request before the last login response");
  send(0x87, {});
  EXPECT_TRUE(connection->terminated);
  judge(ChapVerdict::kRight);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(RadiusTest, EndOfTheFabricAnswersWhatIsOpen) {
  ask("alice");
  ExpectLog expect("refused with status 0301");
  bool stopped = false;
  bench.fabric->stop({}, [&](const base::Result<void>& result) { stopped = result.has_value(); });
  bench.settle();
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(verifier.asked.empty());
}

TEST_F(RadiusTest, ConfigurationNeedsServersAndMd5) {
  bench.config.radius.addresses.clear();
  EXPECT_FALSE(bench.apply());
  bench.config.radius.addresses = {"192.0.2.5:1812"};
  bench.config.targets[0].authentication.algorithms = {ChapAlgorithm::kSha256};
  EXPECT_FALSE(bench.apply());
}

}  // namespace
}  // namespace iscsi
