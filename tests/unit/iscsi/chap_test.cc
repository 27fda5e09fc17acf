// Unit tests of CHAP: digests by known answers, the exchange in both directions, every way to get it wrong.
#include "fabrics/iscsi/chap.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "fabrics/iscsi/value.h"

namespace iscsi {
namespace {

constexpr const char* kSecret = "correct horse battery";
constexpr const char* kMutualSecret = "staple of the target";

std::array<std::byte, 32> counting_challenge() {
  std::array<std::byte, 32> challenge{};
  for (std::size_t i = 0; i < challenge.size(); ++i) challenge[i] = static_cast<std::byte>(i);
  return challenge;
}

// Computed with another implementation: H(2a | "correct horse battery" | 00 01 .. 1f).
struct Known {
  ChapAlgorithm algorithm;
  const char* digest;
};
class ChapKnownAnswer : public testing::TestWithParam<Known> {};

TEST_P(ChapKnownAnswer, Digest) {
  const auto digest = ChapDigest::compute(GetParam().algorithm, 0x2a, kSecret, counting_challenge());
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(encode_hex(digest->bytes()), GetParam().digest);
  EXPECT_EQ(digest->bytes().size(), ChapDigest::size_of(GetParam().algorithm));
  EXPECT_TRUE(digest->equals(digest->bytes()));
  EXPECT_FALSE(digest->equals(digest->bytes().first(digest->bytes().size() - 1)));
}

INSTANTIATE_TEST_SUITE_P(All, ChapKnownAnswer,
                         testing::Values(Known{ChapAlgorithm::kMd5, "0xf14edfa33c494ca48a207ca1450c0bce"},
                                         Known{ChapAlgorithm::kSha1, "0xa229412760ef2452d35ca9c443df0e6a7d3aef70"},
                                         Known{ChapAlgorithm::kSha256,
                                               "0xc05343f6026f241c8949243ff78f6d24e30a9fd41140f28f01488b64e86366a8"},
                                         Known{ChapAlgorithm::kSha3_256,
                                               "0x28ba6ab7bf9c57558206b8c1b625144e1bbd4541f8ba6a75edac01906f403db6"}));

struct ChapTest : testing::Test {
  Authentication settings;
  std::string answer;

  ChapTest() {
    settings.required = true;
    settings.accounts = {{.user = "alice", .secret = kSecret, .mutual_user = "target", .mutual_secret = kMutualSecret},
                         {.user = "bob", .secret = "another secret", .mutual_user = "", .mutual_secret = ""}};
  }
  Chap::Verdict take(Chap& chap, const ChapKeys& keys) {
    TextWriter writer(8192);
    const Chap::Verdict verdict = chap.take(keys, writer);
    answer = writer.text();
    return verdict;
  }
  std::string value_of(const std::string& key) const {
    TextReader reader(answer);
    KeyValue pair;
    while (reader.next(pair) == TextReader::Step::kPair) {
      if (pair.key == key) return std::string(pair.value);
    }
    return "";
  }
  // What an initiator with this secret answers to the challenge that `answer` holds.
  std::string response(ChapAlgorithm algorithm, const std::string& secret) const {
    std::array<std::byte, 1024> challenge{};
    const std::size_t size = decode_binary(value_of("CHAP_C"), challenge).value();
    const auto identifier = static_cast<std::uint8_t>(parse_number(value_of("CHAP_I")).value());
    return encode_hex(ChapDigest::compute(algorithm, identifier, secret, std::span(challenge).first(size))->bytes());
  }
  Chap::Verdict log_in(const std::string& user, const std::string& secret) {
    Chap chap(settings);
    if (take(chap, {.algorithms = "5"}) != Chap::Verdict::kContinue) return Chap::Verdict::kFailed;
    const std::string proof = response(ChapAlgorithm::kMd5, secret);
    return take(chap, {.name = user, .response = proof});
  }
};

TEST_F(ChapTest, EveryAlgorithmWorksInBothDirections) {
  for (const ChapAlgorithm algorithm : settings.algorithms) {
    Chap chap(settings);
    const std::string offer = std::to_string(static_cast<int>(algorithm));
    ASSERT_EQ(take(chap, {.algorithms = offer}), Chap::Verdict::kContinue);
    EXPECT_EQ(value_of("CHAP_A"), offer);
    const std::string proof = response(algorithm, kSecret);
    const std::string challenge = encode_hex(counting_challenge());
    ASSERT_EQ(take(chap, {.identifier = "42", .challenge = challenge, .name = "alice", .response = proof}),
              Chap::Verdict::kAuthenticated);
    EXPECT_EQ(value_of("CHAP_N"), "target");
    EXPECT_EQ(value_of("CHAP_R"),
              encode_hex(ChapDigest::compute(algorithm, 42, kMutualSecret, counting_challenge())->bytes()));
    EXPECT_TRUE(chap.mutual());
    EXPECT_EQ(chap.user(), "alice");
  }
}

TEST_F(ChapTest, SeveralUsersEachWithTheirOwnSecret) {
  EXPECT_EQ(log_in("alice", kSecret), Chap::Verdict::kAuthenticated);
  EXPECT_EQ(log_in("bob", "another secret"), Chap::Verdict::kAuthenticated);
  EXPECT_EQ(log_in("bob", kSecret), Chap::Verdict::kFailed);
  EXPECT_EQ(log_in("carol", kSecret), Chap::Verdict::kFailed);
  EXPECT_EQ(log_in("Alice", kSecret), Chap::Verdict::kFailed);
  EXPECT_EQ(log_in("", kSecret), Chap::Verdict::kFailed);
  EXPECT_EQ(log_in(std::string(256, 'a'), kSecret), Chap::Verdict::kFailed);
  EXPECT_EQ(log_in("alice", kMutualSecret), Chap::Verdict::kFailed);
}

TEST_F(ChapTest, TheStrongestCommonAlgorithmIsChosenInWhateverOrderTheyAreOffered) {
  for (const auto& [offer, chosen] : {std::pair("5,6,7,8", "8"), std::pair("5,7,6", "7"), std::pair("6,5", "6"),
                                      std::pair("1,2,3,4,5,200", "5"), std::pair("0x8", "8")}) {
    Chap chap(settings);
    ASSERT_EQ(take(chap, {.algorithms = offer}), Chap::Verdict::kContinue) << offer;
    EXPECT_EQ(value_of("CHAP_A"), chosen) << offer;
  }
}

TEST_F(ChapTest, ListsWithoutAnAcceptableAlgorithmFail) {
  settings.algorithms = {ChapAlgorithm::kSha3_256, ChapAlgorithm::kSha256};
  for (const char* const offer : {"5", "5,6", "9", "", ",", "SHA256", "8,x", "-8"}) {
    Chap chap(settings);
    EXPECT_EQ(take(chap, {.algorithms = offer}), Chap::Verdict::kFailed) << offer;
  }
  std::string many = "8";
  for (int i = 0; i < 40; ++i) many += ",8";
  Chap chap(settings);
  EXPECT_EQ(take(chap, {.algorithms = many}), Chap::Verdict::kFailed);
}

TEST_F(ChapTest, ResponsesOfAnyOtherLengthFailBeforeTheyAreDecoded) {
  for (std::size_t size = 0; size <= 256; ++size) {
    Chap chap(settings);
    ASSERT_EQ(take(chap, {.algorithms = "7"}), Chap::Verdict::kContinue);
    std::string hex = "0x";
    for (std::size_t i = 0; i < size; ++i) hex += "00";
    EXPECT_EQ(take(chap, {.name = "alice", .response = hex}), Chap::Verdict::kFailed);
  }
}

TEST_F(ChapTest, KeysOutOfOrderFail) {
  const ChapKeys wrong_first[] = {{.name = "alice", .response = "0x00"},
                                  {.identifier = "1", .challenge = "0x00"},
                                  {.algorithms = "5", .name = "alice"},
                                  {.algorithms = "5", .identifier = "1"}};
  for (const ChapKeys& keys : wrong_first) {
    Chap chap(settings);
    EXPECT_EQ(take(chap, keys), Chap::Verdict::kFailed);
  }
  const ChapKeys wrong_second[] = {{.algorithms = "5"}, {.name = "alice"}, {.response = "0x00"}};
  for (const ChapKeys& keys : wrong_second) {
    Chap chap(settings);
    ASSERT_EQ(take(chap, {.algorithms = "5"}), Chap::Verdict::kContinue);
    EXPECT_EQ(take(chap, keys), Chap::Verdict::kFailed);
  }
}

TEST_F(ChapTest, MutualAuthenticationNeedsBothKeysAndSaneValues) {
  const std::string challenge = encode_hex(counting_challenge());
  const std::string longest = "0x" + std::string(2 * 1024, 'a'), too_long = "0x" + std::string(2 * 1025, 'a');
  struct Case {
    std::optional<std::string_view> identifier, value;
    Chap::Verdict verdict;
  };
  const Case cases[] = {
      {"0", challenge, Chap::Verdict::kAuthenticated},
      {"255", challenge, Chap::Verdict::kAuthenticated},
      {"0x1f", challenge, Chap::Verdict::kAuthenticated},
      {"256", challenge, Chap::Verdict::kFailed},
      {"x", challenge, Chap::Verdict::kFailed},
      {"", challenge, Chap::Verdict::kFailed},
      {"1", longest, Chap::Verdict::kAuthenticated},
      {"1", too_long, Chap::Verdict::kFailed},
      {"1", "0x", Chap::Verdict::kFailed},
      {"1", "", Chap::Verdict::kFailed},
      {"1", "0bAAAA", Chap::Verdict::kAuthenticated},
      {std::nullopt, challenge, Chap::Verdict::kFailed},
      {"1", std::nullopt, Chap::Verdict::kFailed},
  };
  for (const Case& each : cases) {
    Chap chap(settings);
    ASSERT_EQ(take(chap, {.algorithms = "5"}), Chap::Verdict::kContinue);
    const std::string proof = response(ChapAlgorithm::kMd5, kSecret);
    EXPECT_EQ(take(chap, {.identifier = each.identifier, .challenge = each.value, .name = "alice", .response = proof}),
              each.verdict)
        << each.identifier.value_or("-") << " " << each.value.value_or("-");
  }
}

TEST_F(ChapTest, UsersWithoutMutualSecretCannotAskForOne) {
  Chap chap(settings);
  ASSERT_EQ(take(chap, {.algorithms = "5"}), Chap::Verdict::kContinue);
  const std::string proof = response(ChapAlgorithm::kMd5, "another secret");
  EXPECT_EQ(take(chap, {.identifier = "1", .challenge = "0x0102", .name = "bob", .response = proof}),
            Chap::Verdict::kFailed);
}

TEST_F(ChapTest, OurOwnChallengeSentBackFailsOnThisAndOnAnyOtherLogin) {
  std::string others_challenge;
  {
    Chap other(settings);
    ASSERT_EQ(take(other, {.algorithms = "5"}), Chap::Verdict::kContinue);
    others_challenge = value_of("CHAP_C");
  }
  for (const bool own : {true, false}) {
    Chap chap(settings);
    ASSERT_EQ(take(chap, {.algorithms = "5"}), Chap::Verdict::kContinue);
    const std::string proof = response(ChapAlgorithm::kMd5, kSecret);
    const std::string back = own ? value_of("CHAP_C") : others_challenge;
    EXPECT_EQ(take(chap, {.identifier = "1", .challenge = back, .name = "alice", .response = proof}),
              Chap::Verdict::kFailed);
    EXPECT_STREQ(chap.why(), "our challenge was sent back");
  }
}

TEST_F(ChapTest, ChallengesNeverRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    Chap chap(settings);
    ASSERT_EQ(take(chap, {.algorithms = "5"}), Chap::Verdict::kContinue);
    EXPECT_TRUE(seen.insert(value_of("CHAP_C")).second);
  }
}

TEST_F(ChapTest, NothingIsTakenAfterTheEnd) {
  Chap chap(settings);
  EXPECT_EQ(take(chap, {.algorithms = "99"}), Chap::Verdict::kFailed);
  EXPECT_EQ(take(chap, {.algorithms = "5"}), Chap::Verdict::kFailed);
}

}  // namespace
}  // namespace iscsi
