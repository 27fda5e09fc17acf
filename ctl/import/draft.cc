// Names, media, accounts, ports and groups of an imported configuration.
#include "ctl/import/draft.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "ctl/config/names.h"
#include "hal/port/fc_port.h"

namespace ctl {
namespace {

constexpr std::size_t kMinSecret = 12, kMaxSecret = 255;  // as config/check.cc has them
constexpr std::size_t kMaxNameStem = 60;
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 60;

bool cut(std::string& text, std::size_t most) {
  const bool fits = text.size() <= most && printable_ascii(text);
  std::erase_if(text, [](char c) { return c < 0x20 || c >= 0x7f; });
  if (text.size() > most) text.resize(most);
  return fits;
}

}  // namespace

bool take_connections(std::uint64_t wanted, Target& target) {
  target.max_connections =
      static_cast<std::uint16_t>(std::clamp<std::uint64_t>(wanted, 1, iscsi::kMaxSessionConnections));
  return wanted <= iscsi::kMaxSessionConnections;
}

std::string allowed_name(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxNameStem)) out.push_back(valid_name(std::string(1, c)) ? c : '-');
  return out.empty() ? "x" : out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string portal_address(std::string_view host, std::uint32_t port) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  std::array<unsigned char, sizeof(in6_addr)> raw{};
  const std::string text(host);
  if (port == 0 || port > 65535 || text.size() > 64 || text.find('\0') != std::string::npos) return {};
  if (inet_pton(AF_INET, text.c_str(), raw.data()) == 1) return fmt::format("{}:{}", text, port);
  if (inet_pton(AF_INET6, text.c_str(), raw.data()) != 1) return {};
  std::array<char, INET6_ADDRSTRLEN> shown{};  // one spelling for each address
  inet_ntop(AF_INET6, raw.data(), shown.data(), shown.size());
  return fmt::format("[{}]:{}", shown.data(), port);
}

std::string Draft::unique(const char* section, std::string_view wish) {
  const std::string stem = allowed_name(wish);
  std::string name = stem;
  for (unsigned i = 2; !names_.insert({section, name}).second; ++i) name = fmt::format("{}-{}", stem, i);
  return name;
}

bool Draft::on_medium(LogicalUnit& lu, const std::string& path, std::uint64_t size, const Place& place) {
  const auto refuse = [&](const char* why) {
    note(place, "medium " + base::escaped(path, 200), why, "the logical unit is left out");
    return false;
  };
  if (path.empty() || path.front() != '/' || path.size() >= 4096 || path.find('\0') != std::string::npos) {
    return refuse("a path is absolute");
  }
  lu.store.path = path;
  const auto facts = machine_.medium(path);
  const bool block = facts ? facts->block : path.starts_with("/dev/");
  lu.store.kind = block ? StoreKind::kBlock : StoreKind::kFile;
  if (block) return true;  // its size is the device's
  if (size == 0 && !facts) return refuse("there is no such file here, and nothing says how large it is");
  lu.store.size = size != 0 ? size : facts->size;
  const std::uint64_t rest = lu.store.block_size == 0 ? 0 : lu.store.size % lu.store.block_size;
  if (rest != 0) {
    note(place, fmt::format("size of {} bytes", lu.store.size), "a size is a multiple of the block size",
         "the last, partial block is not served");
    lu.store.size -= rest;
  }
  if (lu.store.size == 0 || lu.store.size > kMaxSize) return refuse("its size cannot be served");
  return true;
}

std::string Draft::add_lu(LogicalUnit lu, std::string_view wish, const Place& place) {
  lu.unit.name = unique("lu", wish);
  places_[{"lu", lu.unit.name}] = place;
  config.logical_units.push_back(std::move(lu));
  return config.logical_units.back().unit.name;
}

void Draft::identity(LogicalUnit& lu, const Place& place) {
  const auto shorten = [&](const char* what, std::string& text, std::size_t most) {
    if (!cut(text, most)) {
      note(place, fmt::format("{} of the logical unit", what),
           fmt::format("it has at most {} printable characters", most), fmt::format("\"{}\" is told", text));
    }
  };
  shorten("vendor", lu.unit.vendor, 8);
  shorten("product", lu.unit.product, 16);
  shorten("revision", lu.unit.revision, 4);
  if (lu.unit.serial.size() > 36 || !printable_ascii(lu.unit.serial)) {
    note(place, "serial number", "it has at most 36 printable characters", "a new one is drawn");
    lu.unit.serial.clear();
  }
}

bool Draft::usable(const Secret& secret, const std::string& whose, const Place& place) {
  if (secret.size() < kMinSecret || secret.size() > kMaxSecret || !printable_ascii(secret.reveal())) {
    note(place, "secret of " + base::escaped(whose, 300),
         fmt::format("a secret has {} to {} printable characters", kMinSecret, kMaxSecret), "it is not taken over");
    return false;
  }
  const auto [owner, fresh] = secret_owner_.try_emplace(secret.reveal(), whose);
  if (fresh || owner->second == whose) return true;
  note(place, "secret of " + base::escaped(whose, 300),
       base::escaped(owner->second, 300) + " has the same: whoever knows one could pass for the other",
       "it is not taken over");
  return false;
}

// Whether the target's side of a mutual authentication can be kept.
bool Draft::fits_mutual(const Account& account, const Place& place) {
  if (account.mutual_user.empty() && account.mutual_secret.empty()) return false;
  const std::string whose = fmt::format("mutual user \"{}\"", account.mutual_user);
  const bool named =
      !account.mutual_user.empty() && account.mutual_user.size() <= 255 && printable_ascii(account.mutual_user);
  if (named && usable(account.mutual_secret, whose, place)) return true;
  note(place, fmt::format("mutual authentication of user \"{}\"", base::escaped(account.user, 255)),
       "its name or secret cannot be taken over", "only the initiator proves who it is");
  return false;
}

bool Draft::add_account(const Account& account, const Place& place) {
  const std::string whose = fmt::format("user \"{}\"", account.user);
  if (account.user.empty() || account.user.size() > 255 || !printable_ascii(account.user)) {
    note(place, "a CHAP user", "its name must be 1 to 255 printable characters", "it is left out");
    return false;
  }
  if (User* const known = config.find_user(account.user)) {
    if (!(known->secret == account.secret)) {
      note(place, base::escaped(whose, 300), "a user has one secret, and another was given before",
           "this one is left out");
      return false;
    }
    if (known->mutual_user.empty() && fits_mutual(account, place)) {
      known->mutual_user = account.mutual_user;
      known->mutual_secret = account.mutual_secret;
    } else if (!account.mutual_user.empty() &&
               !(known->mutual_user == account.mutual_user && known->mutual_secret == account.mutual_secret)) {
      note(place, "mutual authentication of " + base::escaped(whose, 300), "a user has one counterpart",
           "that which was given first counts");
    }
    return true;
  }
  if (!usable(account.secret, whose, place)) return false;
  User user{account.user, {}, account.secret, {}};
  if (fits_mutual(account, place)) {
    user.mutual_user = account.mutual_user;
    user.mutual_secret = account.mutual_secret;
  }
  config.users.push_back(std::move(user));
  places_[{"user", account.user}] = place;
  return true;
}

std::string Draft::add_fc_port(FcPort port, const std::string& wish, const Place& place) {
  const auto wwpn = hal::fc::parse_wwn(port.wwpn);
  const std::string what = "Fibre Channel target " + base::escaped(port.wwpn, 64);
  if (!wwpn || wwpn->raw == 0) {
    note(place, what, "that is no WWPN", "it is left out");
    return {};
  }
  port.wwpn = to_string(*wwpn);
  if (port.parent.empty()) {
    const auto given = fc_devices_.find(port.wwpn);
    port.device = given != fc_devices_.end() ? given->second : machine_.fc_device(port.wwpn);
    if (!valid_device_address(port.device)) {
      note(place, what, "no adapter of this machine has this WWPN",
           fmt::format("it is left out; say which one: --fc-device {}=0000:3b:00.0", port.wwpn));
      return {};
    }
  }
  port.name = unique("fc_port", wish);
  places_[{"fc_port", port.name}] = place;
  config.fc_ports.push_back(std::move(port));
  return config.fc_ports.back().name;
}

std::string Draft::host_group(std::vector<std::string> initiators, std::string_view wish) {
  std::sort(initiators.begin(), initiators.end());
  initiators.erase(std::unique(initiators.begin(), initiators.end()), initiators.end());
  const auto [known, fresh] = groups_of_hosts_.try_emplace(initiators);
  if (fresh) {
    known->second = unique("host_group", wish);
    config.mapping.host_groups.push_back({known->second, std::move(initiators)});
  }
  return known->second;
}

}  // namespace ctl
