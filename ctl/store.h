// The state directory: the configuration and its secrets, durable and whole.
//
// config.toml and secrets.N.toml, each of mode 0600 under a seal line with its length and checksum. A change writes the
// secrets under a new number, then replaces config.toml, which names that number: the rename is the moment at which
// both change. What is torn, edited by hand, or missing is an error, never an empty configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ctl/config/config.h"
#include "ctl/files.h"

namespace ctl {

class Store {
 public:
  // Makes the directory if it is not there (0700) and locks it. Refuses one that others can write to, and one that
  // another process uses.
  // `lock`: of a process that has used it until now (lock()); nobody else could come between.
  static base::Result<std::unique_ptr<Store>> open(std::string directory, Fd lock = Fd());

  // nullopt: nothing has ever been stored here. Blocking.
  base::Result<std::optional<Config>> load();
  // Durable when it returns. Blocking: for a worker's thread. After an error the old configuration is still in place,
  // unless only the last fsync failed: then a crash may bring back either.
  base::Result<void> save(const Config& config);

  int lock() const { return lock_.get(); }
  const std::string& directory() const { return directory_; }
  std::uint64_t generation() const { return generation_; }  // of what was loaded or saved last

 private:
  Store(std::string directory, Fd fd, Fd lock)
      : directory_(std::move(directory)), fd_(std::move(fd)), lock_(std::move(lock)) {}
  base::Result<void> replace(const std::string& name, std::string_view text) const;
  void remove_other_secrets() const;

  std::string directory_;
  Fd fd_;    // the directory
  Fd lock_;  // its lock file, locked as long as this lives
  std::uint64_t generation_ = 0;
  std::uint64_t secrets_number_ = 0;  // 0: none written yet
  Secret stored_secrets_;             // text of that file
};

// The seal: a TOML comment line before `body`. Exposed for tests.
std::string seal(std::string_view kind, std::uint64_t generation, std::uint64_t secrets, std::string_view body);
struct Sealed {
  std::uint64_t generation = 0, secrets = 0;
  std::string_view body;
};
base::Result<Sealed> unseal(std::string_view kind, std::string_view text);

}  // namespace ctl
