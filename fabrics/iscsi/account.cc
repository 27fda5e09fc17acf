// The CHAP algorithms and their names; wiping of secrets.
#include "fabrics/iscsi/account.h"

#include <string.h>

namespace iscsi {

const char* chap_algorithm_name(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::kMd5:
      return "MD5";
    case ChapAlgorithm::kSha1:
      return "SHA1";
    case ChapAlgorithm::kSha256:
      return "SHA256";
    case ChapAlgorithm::kSha3_256:
      return "SHA3-256";
  }
  return "?";
}

std::vector<ChapAlgorithm> every_chap_algorithm() {
  return {ChapAlgorithm::kSha3_256, ChapAlgorithm::kSha256, ChapAlgorithm::kSha1, ChapAlgorithm::kMd5};
}

void wipe(std::string& secret) {
  explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

void wipe(Authentication& authentication) {
  for (Account& account : authentication.accounts) {
    wipe(account.secret);
    wipe(account.mutual_secret);
  }
}

}  // namespace iscsi
