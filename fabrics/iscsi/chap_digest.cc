// CHAP responses by OpenSSL.
#include "fabrics/iscsi/chap_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include <memory>

namespace iscsi {
namespace {

const EVP_MD* method_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::kMd5:
      return EVP_md5();
    case ChapAlgorithm::kSha1:
      return EVP_sha1();
    case ChapAlgorithm::kSha256:
      return EVP_sha256();
    case ChapAlgorithm::kSha3_256:
      return EVP_sha3_256();
  }
  return nullptr;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }  // wipes its state
};

}  // namespace

std::size_t ChapDigest::size_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::kMd5:
      return 16;
    case ChapAlgorithm::kSha1:
      return 20;
    case ChapAlgorithm::kSha256:
    case ChapAlgorithm::kSha3_256:
      return 32;
  }
  return 0;
}

base::Result<ChapDigest> ChapDigest::compute(ChapAlgorithm algorithm, std::uint8_t identifier, std::string_view secret,
                                             std::span<const std::byte> challenge) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  ChapDigest digest;
  unsigned size = 0;
  if (context == nullptr || EVP_DigestInit_ex(context.get(), method_of(algorithm), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), &identifier, 1) != 1 ||
      EVP_DigestUpdate(context.get(), secret.data(), secret.size()) != 1 ||
      EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) != 1 ||
      static_cast<std::size_t>(EVP_MD_CTX_get_size(context.get())) > kMaxSize ||
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.bytes_.data()), &size) != 1) {
    return base::fail(base::Errc::kUnsupported,
                      std::string("the digest ") + chap_algorithm_name(algorithm) + " cannot be computed");
  }
  digest.size_ = size;
  return digest;
}

ChapDigest::~ChapDigest() { explicit_bzero(bytes_.data(), bytes_.size()); }

bool ChapDigest::equals(std::span<const std::byte> other) const {
  return other.size() == size_ && size_ != 0 && CRYPTO_memcmp(bytes_.data(), other.data(), size_) == 0;
}

}  // namespace iscsi
