// Sealing, atomic replace, strict reading.
#include "ctl/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <isa-l/crc.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <vector>

#include "ctl/config/toml.h"
#include "ctl/files.h"
#include "ctl/log.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxFile = std::size_t{64} << 20;  // bytes; what is larger was not written by us
constexpr const char* kConfigName = "config.toml";
constexpr const char* kLockName = "lock";  // empty until something was stored

std::uint32_t crc32c(std::string_view bytes) {
  // crc32_iscsi takes what it only reads as pointer to mutable.
  auto* const data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  return crc32_iscsi(data, static_cast<int>(bytes.size()), 0xffffffffu) ^ 0xffffffffu;
}

std::string secrets_name(std::uint64_t number) { return fmt::format("secrets.{}.toml", number); }

// The number behind `key` in the seal line.
bool take_number(std::string_view line, std::string_view key, std::uint64_t& out) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return false;
  const char* const begin = line.data() + at + key.size();
  return std::from_chars(begin, line.data() + line.size(), out).ec == std::errc();
}

base::Result<Fd> take_lock(int directory, const std::string& path) {
  Fd fd(openat(directory, kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return base::fail_errno("open " + path + "/" + kLockName);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return base::fail(base::Errc::kBusy, path + " is in use by another outboardd");
    return base::fail_errno("lock " + path);
  }
  return fd;
}

}  // namespace

std::string seal(std::string_view kind, std::uint64_t generation, std::uint64_t secrets, std::string_view body) {
  const std::string numbers = fmt::format("# Outboard {}, format 1, generation {}, secrets {}, length {}", kind,
                                          generation, secrets, body.size());
  return fmt::format("{}, crc32c {:08x}. Change it with tgtctl, not by hand.\n{}", numbers,
                     crc32c(fmt::format("{}\n{}", numbers, body)), body);
}

base::Result<Sealed> unseal(std::string_view kind, std::string_view text) {
  Sealed sealed;
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos || !take_number(line, ", generation ", sealed.generation) ||
      !take_number(line, ", secrets ", sealed.secrets)) {
    return base::fail(base::Errc::kInvalid, "it was not written by outboardd, or its begin is lost");
  }
  sealed.body = text.substr(end + 1);
  // One comparison covers every field of the line and every byte of the body.
  if (seal(kind, sealed.generation, sealed.secrets, sealed.body) != text) {
    return base::fail(base::Errc::kInvalid, "it is damaged or was edited: length or checksum do not fit");
  }
  return sealed;
}

base::Result<std::unique_ptr<Store>> Store::open(std::string directory, Fd inherited) {
  Fd fd = TRY(open_private_directory(directory, true));
  Fd lock = inherited ? std::move(inherited) : TRY(take_lock(fd.get(), directory));
  return std::unique_ptr<Store>(new Store(std::move(directory), std::move(fd), std::move(lock)));
}

base::Result<std::optional<Config>> Store::load() {
  const std::string path = directory_ + "/" + kConfigName;
  const auto text = read_file_at(fd_.get(), kConfigName, kMaxFile, path);
  if (!text && text.error().code == base::Errc::kNotFound) {
    struct stat lock {};
    if (fstat(lock_.get(), &lock) != 0) return base::fail_errno("stat " + directory_ + "/" + kLockName);
    if (lock.st_size == 0) return std::optional<Config>();
    return base::fail(base::Errc::kNotFound,
                      fmt::format("{} is gone, though a configuration was stored; restore it, or "
                                  "empty {} to begin anew",
                                  path, directory_));
  }
  if (!text) return tl::unexpected<base::Error>(text.error());
  const auto config_part = unseal("configuration", *text);
  if (!config_part) return base::fail(base::Errc::kInvalid, path + ": " + config_part.error().text);

  const std::string secrets_path = directory_ + "/" + secrets_name(config_part->secrets);
  const std::string secrets = TRY(read_file_at(fd_.get(), secrets_name(config_part->secrets), kMaxFile, secrets_path));
  const auto secrets_part = unseal("secrets", secrets);
  if (!secrets_part) return base::fail(base::Errc::kInvalid, secrets_path + ": " + secrets_part.error().text);
  if (secrets_part->secrets != config_part->secrets) {
    return base::fail(base::Errc::kInvalid, secrets_path + ": it is another configuration's");
  }
  Config config = TRY(parse_config(*text, path, {secrets_part->body, secrets_path}));
  generation_ = config_part->generation;
  secrets_number_ = config_part->secrets;
  stored_secrets_ = Secret(secrets_part->body);
  return std::optional(std::move(config));
}

base::Result<void> Store::save(const Config& config) {
  const std::uint64_t generation = generation_ + 1;
  std::uint64_t number = secrets_number_;
  const Secret secrets(write_secrets(config));
  if (number == 0 || secrets != stored_secrets_) {
    number = generation;
    const Secret sealed(seal("secrets", generation, number, secrets.reveal()));
    TRY(replace(secrets_name(number), sealed.reveal()));
  }
  TRY(replace(kConfigName, seal("configuration", generation, number, write_config(config))));
  generation_ = generation;
  secrets_number_ = number;
  stored_secrets_ = secrets;
  if (pwrite(lock_.get(), "stored\n", 7, 0) != 7) kLog.warn("{}/{} cannot be written", directory_, kLockName);
  remove_other_secrets();
  return {};
}

base::Result<void> Store::replace(const std::string& name, std::string_view text) const {
  const std::string fresh = name + ".new", path = directory_ + "/" + name;
  if (unlinkat(fd_.get(), fresh.c_str(), 0) != 0 && errno != ENOENT) return base::fail_errno("remove " + path + ".new");
  auto written = write_new_file_at(fd_.get(), fresh, text, path + ".new");
  if (written && renameat(fd_.get(), fresh.c_str(), fd_.get(), name.c_str()) != 0) {
    written = base::fail_errno("rename to " + path);
  }
  if (!written) {
    unlinkat(fd_.get(), fresh.c_str(), 0);
    return written;
  }
  if (fsync(fd_.get()) != 0) return base::fail_errno("fsync " + directory_);
  return {};
}

void Store::remove_other_secrets() const {
  // A directory stream of its own: it takes over the descriptor.
  DIR* const listing = fdopendir(openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (listing == nullptr) return;
  const std::string keep = secrets_name(secrets_number_);
  std::vector<std::string> old;
  while (const dirent* const entry = readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with("secrets.") && name != keep) old.emplace_back(name);
  }
  closedir(listing);
  for (const std::string& name : old) {
    if (unlinkat(fd_.get(), name.c_str(), 0) != 0) kLog.warn("old secrets {}/{} cannot be removed", directory_, name);
  }
}

}  // namespace ctl
