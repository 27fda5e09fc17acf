// Fuzzes RADIUS answers, the input's bytes or made of attributes: none is believed unless it was made with the secret
// for the very request. The requests that they answer say what the login gave, and prove to one who knows the secret
// that nothing of it was changed.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ctl/radius/packet.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/words.h"
#include "tests/support/require.h"

#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#endif

namespace {

using namespace ctl::radius;

constexpr std::string_view kSecret = "between us and them";

std::array<unsigned char, 16> hmac(std::span<const std::byte> data) {
  std::array<unsigned char, 16> out{};
  unsigned size = 0;
  HMAC(EVP_md5(), kSecret.data(), static_cast<int>(kSecret.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), out.data(), &size);
  return out;
}

// Makes the digests right, so that what is behind them is reached.
void sign(std::vector<std::byte>& packet, const Authenticator& request) {
  if (packet.size() < 20 || packet.size() > kMaxPacket) return;
  packet[2] = static_cast<std::byte>(packet.size() >> 8);
  packet[3] = static_cast<std::byte>(packet.size() & 0xff);
  std::memcpy(packet.data() + 4, request.data(), request.size());
  unsigned size = 0;
  if (packet.size() >= 38 && packet[20] == std::byte{80} && packet[21] == std::byte{18}) {
    std::fill_n(packet.begin() + 22, 16, std::byte{0});
    const auto signature = hmac(packet);
    std::memcpy(packet.data() + 22, signature.data(), signature.size());
  }
  std::vector<std::byte> all = packet;
  for (const char c : kSecret) all.push_back(static_cast<std::byte>(c));
  EVP_Digest(all.data(), all.size(), reinterpret_cast<unsigned char*>(packet.data() + 4), &size, EVP_md5(), nullptr);
}

// Code, identifier, and attributes whose lengths fit but for one in sixteen.
std::vector<std::byte> make_packet(Input& input) {
  std::vector<std::byte> packet(20);
  const std::uint8_t head = input.byte();
  static constexpr std::uint8_t kCodes[] = {2, 3, 11, 1, 5, 0, 2, 2};
  packet[0] = std::byte{kCodes[head & 7]};
  packet[1] = static_cast<std::byte>((head & 0xf0) == 0xf0 ? head : 9);
  if ((head & 8) == 0) {  // where sign() looks for it
    packet.insert(packet.end(), {std::byte{80}, std::byte{18}});
    packet.resize(packet.size() + 16);
  }
  for (std::uint8_t i = input.byte() & 7; i > 0; --i) {
    static constexpr std::uint8_t kTypes[] = {18, 24, 79, 80, 26, 27, 1, 0};
    const std::uint8_t how = input.byte();
    const auto value = std::as_bytes(input.bytes(how >> 3));
    packet.push_back(std::byte{kTypes[how & 7]});
    const std::uint8_t off = input.byte();
    packet.push_back(static_cast<std::byte>(value.size() + 2 + (off >= 0xf0 ? off : 0)));
    packet.insert(packet.end(), value.begin(), value.end());
  }
  return packet;
}

// What OpenSSL has written, unseen by the memory sanitizer.
void written([[maybe_unused]] std::span<const std::byte> bytes) {
#if __has_feature(memory_sanitizer)
  __msan_unpoison(bytes.data(), bytes.size());
#endif
}

// A name of up to 63 bytes, or one around the longest that fits.
std::string next_name(Input& input) {
  std::string name = raw_text(input);
  if (const std::uint8_t more = input.byte(); more >= 0xf0) name.append(more, 'x');
  return name;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// As a server reads it: by type, each at most once.
std::map<std::uint8_t, std::string> attributes_of(std::span<const std::byte> packet) {
  std::map<std::uint8_t, std::string> out;
  for (auto left = packet.subspan(20); !left.empty();) {
    REQUIRE(left.size() >= 2);
    const auto length = static_cast<std::size_t>(left[1]);
    REQUIRE(length >= 2 && length <= left.size());
    REQUIRE(out.emplace(static_cast<std::uint8_t>(left[0]), text_of(left.subspan(2, length - 2))).second);
    left = left.subspan(length);
  }
  return out;
}

void check_request(Input& input, const Authenticator& authenticator) {
  iscsi::ChapProof proof;
  proof.user = next_name(input);
  const std::string nas = next_name(input);
  proof.identifier = input.byte();
  for (const std::span<std::byte> field :
       {std::span<std::byte>(proof.challenge), std::span<std::byte>(proof.response)}) {
    const auto bytes = std::as_bytes(input.bytes(field.size()));
    std::copy(bytes.begin(), bytes.end(), field.begin());
  }
  const auto packet = access_request(9, authenticator, proof, nas, kSecret);
  REQUIRE(packet.has_value() == (!proof.user.empty() && proof.user.size() <= kMaxName && nas.size() <= kMaxName));
  if (!packet) return;
  written(std::span(*packet).subspan(22, 16));  // the signature
  REQUIRE((*packet)[0] == std::byte{1} && (*packet)[1] == std::byte{9});
  REQUIRE((static_cast<std::size_t>((*packet)[2]) << 8 | static_cast<std::size_t>((*packet)[3])) == packet->size());
  REQUIRE(std::equal(authenticator.begin(), authenticator.end(), packet->begin() + 4));
  REQUIRE((*packet)[20] == std::byte{80});  // first, where nothing before it can be changed unseen (CVE-2024-3596)
  auto said = attributes_of(*packet);
  REQUIRE(said[1] == proof.user && said[32] == nas && said[60] == text_of(proof.challenge));
  REQUIRE(said[3] == static_cast<char>(proof.identifier) + text_of(proof.response));
  std::vector<std::byte> unsigned_one = *packet;
  std::fill_n(unsigned_one.begin() + 22, 16, std::byte{0});
  const auto signature = hmac(unsigned_one);
  REQUIRE(said[80] == text_of(std::as_bytes(std::span(signature))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t what = input.byte();
  Authenticator request;
  request.fill(std::byte{0x5a});
  if ((what & 4) != 0) check_request(input, request);
  std::vector<std::byte> packet;
  if ((what & 2) != 0) {
    packet = make_packet(input);
  } else {
    const auto bytes = std::as_bytes(input.bytes(input.left()));
    packet.assign(bytes.begin(), bytes.end());
  }
  const bool signed_well = (what & 1) != 0;
  if (signed_well) sign(packet, request);
  if (what >= 0xe0) packet.resize(packet.size() + (what >> 3 & 3u) * 1024, std::byte{what});  // padding
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
