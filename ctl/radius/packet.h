// RADIUS datagrams (RFC 2865, RFC 3579): the question whether a CHAP response is right, and what the answer says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fabrics/iscsi/chap_verifier.h"

namespace ctl::radius {

inline constexpr std::size_t kMaxPacket = 4096;  // RFC 2865 3
inline constexpr std::size_t kMaxName = 253;     // of one attribute's value

enum class Code : std::uint8_t { kAccessRequest = 1, kAccessAccept = 2, kAccessReject = 3, kAccessChallenge = 11 };
using Authenticator = std::array<std::byte, 16>;

// An Access-Request with User-Name, CHAP-Password and CHAP-Challenge, signed by a Message-Authenticator, which comes
// first. `authenticator` is random and never used again.
base::Result<std::vector<std::byte>> access_request(std::uint8_t identifier, const Authenticator& authenticator,
                                                    const iscsi::ChapProof& proof, std::string_view nas_identifier,
                                                    std::string_view secret);

enum class Answer : std::uint8_t {
  kAccept,
  kReject,
  kForged
};  // kForged: not from one who knows the secret, or no answer to this

// Checks everything: lengths, identifier, Response Authenticator, and Message-Authenticator, without which no answer
// counts (CVE-2024-3596). `why` says what was wrong. A challenge counts as a rejection (RFC 2865 4.4).
Answer read_answer(std::span<const std::byte> packet, std::uint8_t identifier, const Authenticator& request,
                   std::string_view secret, const char*& why);

}  // namespace ctl::radius
