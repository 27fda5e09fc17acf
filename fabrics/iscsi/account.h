// Who may authenticate how: the values that service.h takes from the control plane, and wiping them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi {

enum class ChapAlgorithm : std::uint8_t { kMd5 = 5, kSha1 = 6, kSha256 = 7, kSha3_256 = 8 };  // IANA numbers
const char* chap_algorithm_name(ChapAlgorithm algorithm);
std::vector<ChapAlgorithm> every_chap_algorithm();  // the strongest first

struct Account {  // one CHAP user; secrets never leave the process in any text
  std::string user;
  std::string secret;       // what the initiator proves
  std::string mutual_user;  // empty: one-way
  std::string mutual_secret;
  bool operator==(const Account&) const = default;
};

struct Authentication {
  bool required = false;  // false: AuthMethod=None is accepted
  bool radius = false;    // responses are judged by RADIUS servers; accounts are only for what we prove ourselves
  std::vector<Account> accounts;
  std::vector<ChapAlgorithm> algorithms = every_chap_algorithm();  // in our order of preference
  bool operator==(const Authentication&) const = default;
};

void wipe(std::string& secret);  // overwrites the bytes, whatever the optimiser thinks of it
void wipe(Authentication& authentication);

}  // namespace iscsi
