// Small durable records of logical units: reservations kept by APTPL, saved mode pages. One file per record, written
// by atomic replace and fsync, with version, length and CRC; a torn or foreign file is an error, never an empty record.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "hal/reactor.h"

namespace hal {
class Worker;
}

namespace scsi {

class MetadataStore {
 public:
  using Bytes = std::vector<std::byte>;
  // `directory` empty: records live in memory only (lost at the end, as the operator asked).
  static base::Result<std::unique_ptr<MetadataStore>> open(std::string directory);
  ~MetadataStore();
  // `lu` and `kind` ("reservations", "mode-pages") name the record; any characters. `done` runs on `reactor`.
  void save(hal::Reactor& reactor, const std::string& lu, const std::string& kind, Bytes record,
            std::function<void(base::Result<void>)> done);
  void erase(hal::Reactor& reactor, const std::string& lu, const std::string& kind,
             std::function<void(base::Result<void>)> done);
  // Blocking; when a logical unit is created. nullopt: there is none.
  base::Result<std::optional<Bytes>> load(const std::string& lu, const std::string& kind);
  void drain();  // as hal::Worker::drain

 private:
  struct Impl;
  explicit MetadataStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scsi
