// Rules of users, their secrets, and of who may log in where.
#include <algorithm>

#include "ctl/config/checker.h"
#include "ctl/config/names.h"

namespace ctl {
namespace {

constexpr std::size_t kMinSecret = 12;  // RFC 7143 12.1.3: 96 bits
constexpr std::size_t kMaxSecret = 255;
constexpr std::size_t kMaxUserName = 255;

}  // namespace

void Checker::users() {
  for (std::size_t i = 0; i < config_.users.size(); ++i) {
    const User& user = config_.users[i];
    require(!user.name.empty() && user.name.size() <= kMaxUserName && printable_ascii(user.name), "user", i, "name",
            "user \"{}\": a name is 1 to {} printable characters", user.name, kMaxUserName);
    require(user.mutual_user.size() <= kMaxUserName && printable_ascii(user.mutual_user), "user", i, "mutual_user",
            "user \"{}\": a mutual name is at most {} printable characters", user.name, kMaxUserName);
    secrets(i, user);
  }
}

void Checker::secrets(std::size_t index, const User& user) {
  const auto one = [&](const Secret& secret, const std::string& whose) {
    if (secret.empty()) {
      return add("user", index, "name", whose + " has no secret: give it with `tgtctl user add`, or --secrets");
    }
    if (secret.size() < kMinSecret || secret.size() > kMaxSecret) {
      return add("user", index, "name",
                 fmt::format("the secret of {} must have {} to {} bytes", whose, kMinSecret, kMaxSecret));
    }
    if (!printable_ascii(secret.reveal())) {
      return add("user", index, "name", fmt::format("the secret of {} must be printable ASCII", whose));
    }
    const auto [owner, fresh] = secret_owner_.try_emplace(secret.reveal(), whose);
    // One counterpart of several users has one secret.
    if (!fresh && owner->second != whose)
      add("user", index, "name", fmt::format("{} and {} have the same secret", owner->second, whose));
  };
  one(user.secret, fmt::format("user \"{}\"", user.name));
  if (!user.mutual_user.empty()) one(user.mutual_secret, fmt::format("mutual user \"{}\"", user.mutual_user));
  if (user.mutual_user.empty() && !user.mutual_secret.empty()) {
    add("user", index, "mutual_user", fmt::format("user \"{}\" has a mutual secret, but no mutual_user", user.name));
  }
}

void Checker::access(const char* section, std::size_t index, const std::string& what, const Access& access) {
  std::set<std::string> seen;
  for (const std::string& user : access.users) {
    require(user_names_.contains(user), section, index, "users", "{}: there is no user \"{}\"", what, user);
    require(seen.insert(user).second, section, index, "users", "{}: user \"{}\" is there twice", what, user);
  }
  require(!access.chap || access.radius || !access.users.empty(), section, index, "authentication",
          "{}: CHAP needs at least one user", what);
  require(!access.radius || !config_.radius.addresses.empty(), section, index, "authentication",
          "{}: RADIUS needs servers in [radius]", what);
  require(!access.radius || std::find(access.algorithms.begin(), access.algorithms.end(), iscsi::ChapAlgorithm::kMd5) !=
                                access.algorithms.end(),
          section, index, "algorithms", "{}: RADIUS knows md5 only", what);
  require(!access.algorithms.empty(), section, index, "algorithms", "{}: algorithms is empty", what);
  const std::set<iscsi::ChapAlgorithm> different(access.algorithms.begin(), access.algorithms.end());
  require(different.size() == access.algorithms.size(), section, index, "algorithms", "{}: an algorithm is there twice",
          what);
}

}  // namespace ctl
