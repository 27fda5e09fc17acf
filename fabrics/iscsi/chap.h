// The target's side of CHAP (RFC 7143 12.1.3), one login's worth, fed with keys and answering with keys.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fabrics/iscsi/account.h"
#include "fabrics/iscsi/chap_digest.h"
#include "fabrics/iscsi/chap_verifier.h"
#include "fabrics/iscsi/keys.h"
#include "fabrics/iscsi/text.h"

namespace iscsi {

// The CHAP keys of one request; absent where the initiator did not send them.
struct ChapKeys {
  std::optional<std::string_view> algorithms = {}, identifier = {}, challenge = {}, name = {}, response = {};
  bool empty() const { return !algorithms && !identifier && !challenge && !name && !response; }
  void set(Key key, std::string_view value);
};

// Our challenges can be told from others by their second half, which depends on the first in a way that only this
// process knows: none can be played back to us, on whatever connection or reactor (RFC 7143 9.2.1).
class Chap {
 public:
  static constexpr std::size_t kChallengeSize = 32;
  static constexpr std::size_t kMaxChallenge = 1024;  // the initiator's
  static constexpr std::size_t kMaxUser = 255;
  enum class Verdict : std::uint8_t { kContinue, kAuthenticated, kFailed, kAsk /* proof() is right? then judged() */ };

  explicit Chap(const Authentication& settings) : settings_(settings) {}  // which outlive the exchange
  Chap(const Chap&) = delete;
  Chap& operator=(const Chap&) = delete;

  // kFailed says the same whatever was wrong: the reason is for our log only (why()).
  Verdict take(const ChapKeys& keys, TextWriter& answer);
  // The answer of somebody who knows: RADIUS.
  ChapProof proof() const;
  Verdict judged(bool right, TextWriter& answer);
  const char* why() const { return why_; }
  const std::string& user() const { return user_; }
  bool mutual() const { return mutual_; }
  ChapAlgorithm algorithm() const { return algorithm_; }

 private:
  enum class State : std::uint8_t { kAlgorithm, kResponse, kAsked, kOver };
  Verdict fail(const char* why);
  Verdict choose_algorithm(std::string_view offer, TextWriter& answer);
  Verdict check_response(const ChapKeys& keys, TextWriter& answer);
  Verdict prove_ourselves(const ChapKeys& keys, const Account* account, TextWriter& answer);
  const Account* find_account(std::string_view name) const;

  const Authentication& settings_;
  State state_ = State::kAlgorithm;
  ChapAlgorithm algorithm_ = ChapAlgorithm::kMd5;
  std::uint8_t identifier_ = 0;
  std::array<std::byte, kChallengeSize> challenge_{};
  bool mutual_ = false;
  std::array<std::byte, ChapProof::kResponseSize> response_{};           // that somebody else judges
  std::optional<std::string> identifier_to_prove_, challenge_to_prove_;  // which came with it
  std::string user_;
  const char* why_ = "";
};

}  // namespace iscsi
