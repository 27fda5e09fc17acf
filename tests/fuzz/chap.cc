// Fuzzes CHAP with a helper that knows the secret: the exchange succeeds when, and only when, the right user gives the
// right response; and our own proof is right whenever it is asked for.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "fabrics/iscsi/chap.h"
#include "fabrics/iscsi/value.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/text_value.h"
#include "tests/support/require.h"

namespace {

using namespace iscsi;

constexpr std::string_view kUser = "alice", kSecret = "correct horse battery", kMutualSecret = "staple of the target";

const Authentication& settings() {
  static const Authentication made = {.required = true,
                                      .accounts = {{.user = std::string(kUser),
                                                    .secret = std::string(kSecret),
                                                    .mutual_user = "target",
                                                    .mutual_secret = std::string(kMutualSecret)}}};
  return made;
}

std::string right_response(const std::string& challenge_text) {
  std::array<std::byte, Chap::kChallengeSize> challenge;
  const auto algorithm = static_cast<ChapAlgorithm>(parse_number(value_of(challenge_text, "CHAP_A")).value());
  const auto identifier = static_cast<std::uint8_t>(parse_number(value_of(challenge_text, "CHAP_I")).value());
  REQUIRE(decode_binary(value_of(challenge_text, "CHAP_C"), challenge) == challenge.size());
  return encode_hex(ChapDigest::compute(algorithm, identifier, kSecret, challenge)->bytes());
}

// What the initiator asked us to prove, proven.
void check_proof(const Chap& chap, const ChapKeys& keys, const std::string& answer) {
  std::array<std::byte, Chap::kMaxChallenge> challenge;
  const auto size = decode_binary(*keys.challenge, challenge);
  const auto identifier = static_cast<std::uint8_t>(parse_number(*keys.identifier).value());
  const auto digest =
      ChapDigest::compute(chap.algorithm(), identifier, kMutualSecret, std::span(challenge).first(size.value()));
  REQUIRE(value_of(answer, "CHAP_R") == encode_hex(digest->bytes()));
  REQUIRE(value_of(answer, "CHAP_N") == "target");
}

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Chap chap(settings());
  std::string challenge;  // our last answer
  bool knows = false;
  for (int round = 0; round < 4; ++round) {
    const std::uint8_t what = input.byte();
    std::array<std::string, 5> values;
    ChapKeys keys;
    constexpr std::array kKeys = {Key::kChapA, Key::kChapI, Key::kChapC, Key::kChapN, Key::kChapR};
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
      if ((what >> i & 1) == 0) continue;
      values[i] = text_of(input.bytes(std::size_t{4} * input.byte() + 3));
      if ((what & 0x20) != 0 && kKeys[i] == Key::kChapN) values[i] = kUser;
      if ((what & 0x40) != 0 && kKeys[i] == Key::kChapR && knows) values[i] = right_response(challenge);
      keys.set(kKeys[i], values[i]);
    }
    const bool right = knows && keys.name == kUser && keys.response == std::string_view(right_response(challenge));
    TextWriter answer(8192);
    const Chap::Verdict verdict = chap.take(keys, answer);
    if (verdict == Chap::Verdict::kAuthenticated) {
      if (!right) {  // the same digest, written otherwise
        std::array<std::byte, ChapDigest::kMaxSize> given, wanted;
        const auto given_size = decode_binary(keys.response.value_or(""), given);
        const auto wanted_size = decode_binary(right_response(challenge), wanted);
        REQUIRE(knows && keys.name == kUser && given_size == wanted_size);
        REQUIRE(std::equal(given.begin(), given.begin() + given_size.value(), wanted.begin()));
      }
      REQUIRE(chap.user() == kUser);
      if (chap.mutual()) check_proof(chap, keys, answer.text());
    }
    if (right && !keys.algorithms && !keys.identifier && !keys.challenge) {
      REQUIRE(verdict == Chap::Verdict::kAuthenticated);
    }
    knows = verdict == Chap::Verdict::kContinue;
    challenge = answer.text();
  }
  return 0;
}
