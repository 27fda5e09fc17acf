// One durable record as a file: its format, and reading and replacing it. Blocking; no threads of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace scsi {

inline constexpr std::size_t kMaxRecord = std::size_t{4} << 20;  // bytes; what is larger was not written by us

// The name of a record's file. Safe for any `lu` and `kind`: letters, digits, '-' and '_' are kept, other bytes become
// %XX, and a name that would grow too long ends in a hash (the record itself carries the full name).
std::string record_file_name(std::string_view lu, std::string_view kind);

// Magic, version, lengths, name, payload, CRC32C over all of it. `decode_record` fails on anything but exactly what
// `encode_record` made for the same name.
std::vector<std::byte> encode_record(std::string_view lu, std::string_view kind, std::span<const std::byte> payload);
base::Result<std::vector<std::byte>> decode_record(std::string_view lu, std::string_view kind,
                                                   std::span<const std::byte> file);

// A directory of records, held open: a record cannot end up elsewhere when the path is renamed meanwhile.
class RecordDirectory {
 public:
  static base::Result<RecordDirectory> open(const std::string& path);
  RecordDirectory(RecordDirectory&& other) noexcept;
  RecordDirectory& operator=(RecordDirectory&&) = delete;
  ~RecordDirectory();

  // After success the new record survives a crash; after failure the old one is in place, unless only the directory's
  // own fsync failed: then a crash may bring back either.
  base::Result<void> write(std::string_view lu, std::string_view kind, std::span<const std::byte> payload) const;
  base::Result<void> erase(std::string_view lu, std::string_view kind) const;
  base::Result<std::optional<std::vector<std::byte>>> read(std::string_view lu, std::string_view kind) const;

 private:
  RecordDirectory(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  base::Result<void> write_new(const std::string& name, std::span<const std::byte> bytes) const;
  base::Result<void> sync() const;
  std::string path_;  // for error texts
  int fd_;
};

}  // namespace scsi
