// CHAP: choice of algorithm, challenge, check of the response, our own response.
#include "fabrics/iscsi/chap.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "fabrics/iscsi/value.h"

namespace iscsi {
namespace {

constexpr std::size_t kMaxOffers = 32;  // algorithms in one list

// Stands in for the account of a user who does not exist, so that a login of such a user costs and looks the same.
const std::string& nobodys_secret() {
  static const std::string secret = [] {
    std::array<std::byte, 16> random{};
    const bool good = base::secure_random(random).has_value();
    return good ? std::string(reinterpret_cast<const char*>(random.data()), random.size()) : std::string();
  }();
  return secret;
}

// 16 random bytes, then so many of what only this process makes of them.
constexpr std::size_t kHalf = Chap::kChallengeSize / 2;

base::Result<ChapDigest> mark_of(std::span<const std::byte> half) {
  static const std::string key = [] {
    std::array<std::byte, 32> random{};
    const bool good = base::secure_random(random).has_value();
    return good ? std::string(reinterpret_cast<const char*>(random.data()), random.size()) : std::string();
  }();
  if (key.empty()) return base::fail(base::Errc::kIo, "no random numbers");
  return ChapDigest::compute(ChapAlgorithm::kSha256, 0, key, half);
}

bool make_challenge(std::span<std::byte, Chap::kChallengeSize> challenge) {
  if (!base::secure_random(challenge.first<kHalf>())) return false;
  const auto mark = mark_of(challenge.first<kHalf>());
  if (mark) std::copy_n(mark->bytes().begin(), kHalf, challenge.begin() + kHalf);
  return mark.has_value();
}

bool is_ours(std::span<const std::byte> challenge) {
  if (challenge.size() != Chap::kChallengeSize) return false;
  const auto mark = mark_of(challenge.first(kHalf));
  return !mark || std::equal(challenge.begin() + kHalf, challenge.end(), mark->bytes().begin());
}

}  // namespace

void ChapKeys::set(Key key, std::string_view value) {
  if (key == Key::kChapA) algorithms = value;
  if (key == Key::kChapI) identifier = value;
  if (key == Key::kChapC) challenge = value;
  if (key == Key::kChapN) name = value;
  if (key == Key::kChapR) response = value;
}

Chap::Verdict Chap::fail(const char* why) {
  state_ = State::kOver;
  why_ = why;
  return Verdict::kFailed;
}

Chap::Verdict Chap::take(const ChapKeys& keys, TextWriter& answer) {
  switch (state_) {
    case State::kAlgorithm:
      if (!keys.algorithms || keys.identifier || keys.challenge || keys.name || keys.response) {
        return fail("keys out of order");
      }
      return choose_algorithm(*keys.algorithms, answer);
    case State::kResponse:
      if (keys.algorithms || !keys.name || !keys.response) return fail("keys out of order");
      return check_response(keys, answer);
    case State::kAsked:
    case State::kOver:
      break;
  }
  return fail("keys after the end of the exchange");
}

// The strongest that both sides have, by our order.
Chap::Verdict Chap::choose_algorithm(std::string_view offer, TextWriter& answer) {
  std::array<std::uint64_t, kMaxOffers> offered{};
  std::size_t count = 0;
  do {
    const auto number = parse_number(next_element(offer));
    if (!number || count == kMaxOffers) return fail("CHAP_A is not a list of numbers");
    offered[count++] = *number;
  } while (!offer.empty());
  const auto chosen = std::find_if(settings_.algorithms.begin(), settings_.algorithms.end(), [&](ChapAlgorithm ours) {
    if (settings_.radius && ours != ChapAlgorithm::kMd5) return false;  // RFC 2865 knows no other
    return std::find(offered.begin(), offered.begin() + count, static_cast<std::uint64_t>(ours)) !=
           offered.begin() + count;
  });
  if (chosen == settings_.algorithms.end()) return fail("no algorithm in common");
  algorithm_ = *chosen;
  std::array<std::byte, 1> identifier{};
  if (!base::secure_random(identifier) || !make_challenge(challenge_)) return fail("no random numbers");
  identifier_ = static_cast<std::uint8_t>(identifier[0]);
  answer.add("CHAP_A", static_cast<std::uint32_t>(algorithm_));
  answer.add("CHAP_I", identifier_);
  answer.add("CHAP_C", encode_hex(challenge_));
  state_ = State::kResponse;
  return Verdict::kContinue;
}

Chap::Verdict Chap::check_response(const ChapKeys& keys, TextWriter& answer) {
  state_ = State::kOver;
  const std::string_view name = *keys.name;
  if (name.empty() || name.size() > kMaxUser) return fail("CHAP_N is empty or too long");
  std::array<std::byte, ChapDigest::kMaxSize> response{};
  const auto size = decode_binary(*keys.response, std::span(response).first(ChapDigest::size_of(algorithm_)));
  if (!size || *size != ChapDigest::size_of(algorithm_)) return fail("CHAP_R is not the size of the digest");
  if (settings_.radius) {
    user_ = name;
    std::copy_n(response.begin(), response_.size(), response_.begin());
    if (keys.identifier) identifier_to_prove_.emplace(*keys.identifier);
    if (keys.challenge) challenge_to_prove_.emplace(*keys.challenge);
    state_ = State::kAsked;
    return Verdict::kAsk;
  }
  const Account* const account = find_account(name);
  const auto expected = ChapDigest::compute(
      algorithm_, identifier_, account != nullptr ? std::string_view(account->secret) : nobodys_secret(), challenge_);
  if (!expected) return fail("the digest cannot be computed");
  const bool equal = expected->equals(std::span(response).first(*size));
  user_ = name;
  if (account == nullptr) return fail("unknown user");
  if (!equal) return fail("wrong response");
  if (keys.identifier || keys.challenge) return prove_ourselves(keys, account, answer);
  return Verdict::kAuthenticated;
}

ChapProof Chap::proof() const {
  static_assert(ChapProof::kChallengeSize == kChallengeSize);
  return {.user = user_, .identifier = identifier_, .challenge = challenge_, .response = response_};
}

Chap::Verdict Chap::judged(bool right, TextWriter& answer) {
  if (state_ != State::kAsked) return fail("judged without having been asked");
  state_ = State::kOver;
  if (!right) return fail("wrong response, says the RADIUS server");
  if (!identifier_to_prove_ && !challenge_to_prove_) return Verdict::kAuthenticated;
  ChapKeys keys;
  if (identifier_to_prove_) keys.identifier = *identifier_to_prove_;
  if (challenge_to_prove_) keys.challenge = *challenge_to_prove_;
  return prove_ourselves(keys, find_account(user_), answer);
}

const Account* Chap::find_account(std::string_view name) const {
  const auto at = std::find_if(settings_.accounts.begin(), settings_.accounts.end(),
                               [name](const Account& account) { return account.user == name; });
  return at == settings_.accounts.end() ? nullptr : &*at;
}

// Mutual authentication: the initiator asked us to prove who we are.
Chap::Verdict Chap::prove_ourselves(const ChapKeys& keys, const Account* account, TextWriter& answer) {
  if (!keys.identifier || !keys.challenge) return fail("keys out of order");
  if (account == nullptr || account->mutual_user.empty() || account->mutual_secret.empty())
    return fail("no mutual secret for this user");
  const auto identifier = parse_number(*keys.identifier);
  if (!identifier || *identifier > 255) return fail("CHAP_I is no number from 0 to 255");
  std::array<std::byte, kMaxChallenge> challenge;
  const auto size = decode_binary(*keys.challenge, challenge);
  if (!size || *size == 0) return fail("CHAP_C is empty, too long, or not binary");
  const auto theirs = std::span<const std::byte>(challenge).first(*size);
  if (is_ours(theirs)) return fail("our challenge was sent back");
  const auto response =
      ChapDigest::compute(algorithm_, static_cast<std::uint8_t>(*identifier), account->mutual_secret, theirs);
  if (!response) return fail("the digest cannot be computed");
  answer.add("CHAP_N", account->mutual_user);
  answer.add("CHAP_R", encode_hex(response->bytes()));
  mutual_ = true;
  return Verdict::kAuthenticated;
}

}  // namespace iscsi
