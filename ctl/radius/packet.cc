// Making Access-Requests, checking what answers them.
#include "ctl/radius/packet.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/cursor.h"
#include "base/endian.h"

namespace ctl::radius {
namespace {

struct Header {
  std::uint8_t code = 0, identifier = 0;
  base::be16 length;
  Authenticator authenticator{};
};
static_assert(sizeof(Header) == 20);

enum Attribute : std::uint8_t {
  kUserName = 1,
  kChapPassword = 3,
  kNasIdentifier = 32,
  kChapChallenge = 60,
  kNasPortType = 61,
  kMessageAuthenticator = 80,
};
constexpr std::size_t kDigestSize = 16, kAttributeHead = 2;
constexpr std::size_t kSignatureAt = sizeof(Header) + kAttributeHead;  // in what we send
constexpr std::uint32_t kVirtualPort = 5;

void put(base::Writer& out, Attribute type, std::span<const std::byte> value) {
  out.put(static_cast<std::uint8_t>(type));
  out.put(static_cast<std::uint8_t>(kAttributeHead + value.size()));
  out.bytes(value);
}

std::optional<Authenticator> hmac_md5(std::string_view secret, std::span<const std::byte> data) {
  Authenticator out;
  unsigned size = 0;
  const unsigned char* const made = HMAC(EVP_md5(), secret.data(), static_cast<int>(secret.size()),
                                         reinterpret_cast<const unsigned char*>(data.data()), data.size(),
                                         reinterpret_cast<unsigned char*>(out.data()), &size);
  if (made == nullptr || size != kDigestSize) return std::nullopt;
  return out;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::optional<Authenticator> md5(std::span<const std::byte> data, std::string_view secret) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  Authenticator out;
  unsigned size = 0;
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestUpdate(context.get(), secret.data(), secret.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size) != 1) {
    return std::nullopt;
  }
  return out;
}

bool same(std::span<const std::byte> a, const std::optional<Authenticator>& b) {
  return b && a.size() == kDigestSize && CRYPTO_memcmp(a.data(), b->data(), kDigestSize) == 0;
}

// Where the value of the one Message-Authenticator is; nothing if attributes do not fit, or there is none, or two.
std::optional<std::size_t> find_signature(std::span<const std::byte> packet) {
  std::optional<std::size_t> found;
  for (std::size_t at = sizeof(Header); at < packet.size();) {
    if (packet.size() - at < kAttributeHead) return std::nullopt;
    const auto type = static_cast<std::uint8_t>(packet[at]);
    const auto length = static_cast<std::size_t>(packet[at + 1]);
    if (length < kAttributeHead || length > packet.size() - at) return std::nullopt;
    if (type == kMessageAuthenticator) {
      if (found || length != kAttributeHead + kDigestSize) return std::nullopt;
      found = at + kAttributeHead;
    }
    at += length;
  }
  return found;
}

Answer forged(const char*& why, const char* what) {
  why = what;
  return Answer::kForged;
}

}  // namespace

base::Result<std::vector<std::byte>> access_request(std::uint8_t identifier, const Authenticator& authenticator,
                                                    const iscsi::ChapProof& proof, std::string_view nas_identifier,
                                                    std::string_view secret) {
  const auto bytes_of = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  if (proof.user.empty() || proof.user.size() > kMaxName || nas_identifier.size() > kMaxName) {
    return base::fail(base::Errc::kInvalid, "a name does not fit into a RADIUS attribute");
  }
  std::vector<std::byte> packet(kMaxPacket);
  base::Writer out(packet);
  out.put(Header{.code = static_cast<std::uint8_t>(Code::kAccessRequest),
                 .identifier = identifier,
                 .length = {},
                 .authenticator = authenticator});
  put(out, kMessageAuthenticator, Authenticator{});
  put(out, kUserName, bytes_of(proof.user));
  std::array<std::byte, 1 + iscsi::ChapProof::kResponseSize> password;
  password[0] = static_cast<std::byte>(proof.identifier);
  std::copy(proof.response.begin(), proof.response.end(), password.begin() + 1);
  put(out, kChapPassword, password);
  put(out, kChapChallenge, proof.challenge);
  if (!nas_identifier.empty()) put(out, kNasIdentifier, bytes_of(nas_identifier));
  const base::be32 port_type = kVirtualPort;
  put(out, kNasPortType, std::as_bytes(std::span(&port_type, 1)));
  out.patch(offsetof(Header, length), base::be16(static_cast<std::uint16_t>(out.wanted())));
  packet.resize(out.written());
  const auto signature = hmac_md5(secret, packet);
  if (!signature) return base::fail(base::Errc::kUnsupported, "HMAC-MD5 cannot be computed");
  std::copy(signature->begin(), signature->end(), packet.begin() + kSignatureAt);
  return packet;
}

Answer read_answer(std::span<const std::byte> packet, std::uint8_t identifier, const Authenticator& request,
                   std::string_view secret, const char*& why) {
  const auto header = base::Reader(packet).read<Header>();
  if (!header) return forged(why, "shorter than a header");
  const std::size_t length = header->length;
  if (length < sizeof(Header) || length > packet.size() || length > kMaxPacket) {
    return forged(why, "its length is not the datagram's");
  }
  if (header->identifier != identifier) return forged(why, "answers another request");
  // Both digests are over the answer with the request's authenticator in place of its own.
  std::vector<std::byte> copy(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(length));
  std::copy(request.begin(), request.end(), copy.begin() + offsetof(Header, authenticator));
  if (!same(header->authenticator, md5(copy, secret))) return forged(why, "wrong Response Authenticator");
  const auto signature_at = find_signature(copy);
  if (!signature_at) return forged(why, "no Message-Authenticator, or attributes that do not fit");
  const auto signature = std::span(copy).subspan(*signature_at, kDigestSize);
  Authenticator given;
  std::copy(signature.begin(), signature.end(), given.begin());
  std::fill(signature.begin(), signature.end(), std::byte{0});
  if (!same(given, hmac_md5(secret, copy))) return forged(why, "wrong Message-Authenticator");
  switch (static_cast<Code>(header->code)) {
    case Code::kAccessAccept:
      return Answer::kAccept;
    case Code::kAccessReject:
    case Code::kAccessChallenge:
      return Answer::kReject;
    case Code::kAccessRequest:
      break;
  }
  return forged(why, "no answer by its code");
}

}  // namespace ctl::radius
