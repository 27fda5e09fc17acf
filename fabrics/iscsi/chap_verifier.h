// Somebody else who knows whether a CHAP response is right: a RADIUS server, for one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace iscsi {

// What an initiator has answered to our challenge, by MD5: others than that cannot be asked about.
struct ChapProof {
  static constexpr std::size_t kChallengeSize = 32, kResponseSize = 16;
  std::string user;  // 1 to 255 bytes, as the initiator gave it
  std::uint8_t identifier = 0;
  std::array<std::byte, kChallengeSize> challenge{};
  std::array<std::byte, kResponseSize> response{};
};

enum class ChapVerdict : std::uint8_t {
  kRight,
  kWrong,
  kUnknown,  // nobody has answered: the login is refused, but may be tried again
};

// On the control reactor.
class ChapVerifier {
 public:
  virtual ~ChapVerifier() = default;
  // `done` runs there later, exactly once, within limits of the verifier's own.
  virtual void verify(ChapProof proof, std::function<void(ChapVerdict)> done) = 0;
  virtual void give_up() = 0;  // answers what is open: kUnknown
};

}  // namespace iscsi
