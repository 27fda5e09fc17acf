// Fuzzes RADIUS answers: none is believed unless it was made with the secret for the very request.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <memory>
#include <vector>

#include "ctl/radius/packet.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"

namespace {

using namespace ctl::radius;

constexpr std::string_view kSecret = "between us and them";

// Makes the digests right, so that what is behind them is reached.
void sign(std::vector<std::byte>& packet, const Authenticator& request) {
  if (packet.size() < 20 || packet.size() > kMaxPacket) return;
  packet[2] = static_cast<std::byte>(packet.size() >> 8);
  packet[3] = static_cast<std::byte>(packet.size() & 0xff);
  std::memcpy(packet.data() + 4, request.data(), request.size());
  unsigned size = 0;
  const auto* const raw = reinterpret_cast<const unsigned char*>(packet.data());
  if (packet.size() >= 38 && packet[20] == std::byte{80} && packet[21] == std::byte{18}) {
    std::fill_n(packet.begin() + 22, 16, std::byte{0});
    unsigned char out[16];
    HMAC(EVP_md5(), kSecret.data(), static_cast<int>(kSecret.size()), raw, packet.size(), out, &size);
    std::memcpy(packet.data() + 22, out, sizeof out);
  }
  std::vector<std::byte> all = packet;
  for (const char c : kSecret) all.push_back(static_cast<std::byte>(c));
  EVP_Digest(all.data(), all.size(), reinterpret_cast<unsigned char*>(packet.data() + 4), &size, EVP_md5(), nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t what = input.byte();
  Authenticator request;
  request.fill(std::byte{0x5a});
  const auto rest = input.bytes(input.left());
  const auto bytes = std::as_bytes(rest);
  std::vector<std::byte> packet(bytes.begin(), bytes.end());
  const bool signed_well = (what & 1) != 0;
  if (signed_well) sign(packet, request);
  const std::unique_ptr<std::byte[]> exact(new std::byte[packet.size()]);
  std::copy(packet.begin(), packet.end(), exact.get());
  const char* why = "";
  const Answer answer = read_answer({exact.get(), packet.size()}, 9, request, kSecret, why);
  if (answer == Answer::kForged) {
    REQUIRE(*why != '\0');
    return 0;
  }
  REQUIRE(signed_well && packet.size() >= 38 && packet[1] == std::byte{9});
  REQUIRE((answer == Answer::kAccept) == (packet[0] == std::byte{2}));
  return 0;
}
