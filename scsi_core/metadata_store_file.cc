// Records as files: encoding, atomic replace, strict reading.
#include "scsi_core/metadata_store_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <isa-l/crc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/cursor.h"
#include "base/endian.h"

namespace scsi {
namespace {

constexpr std::array<char, 8> kMagic = {'O', 'B', 'R', 'E', 'C', 'O', 'R', 'D'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxFileName = 200;  // of the 255 a file system allows; leaves room for the suffix

struct Header {
  std::array<char, 8> magic;
  base::be32 version;
  base::be32 lu_length;
  base::be32 kind_length;
  base::be32 payload_length;
};
static_assert(sizeof(Header) == 24 && alignof(Header) == 1);

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  // crc32_iscsi takes what it only reads as pointer to mutable.
  auto* const data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  return crc32_iscsi(data, static_cast<int>(bytes.size()), 0xffffffffu) ^ 0xffffffffu;
}

void append_safe(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool keep =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (keep) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

base::Result<void> write_all(int fd, std::span<const std::byte> bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail_errno("write " + what);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

base::Result<void> read_all(int fd, std::span<std::byte> bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::read(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail_errno("read " + what);
    if (n == 0) return base::fail(base::Errc::kInvalid, what + ": became shorter while it was read");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

tl::unexpected<base::Error> damaged(const char* why) {
  return base::fail(base::Errc::kInvalid, fmt::format("damaged record: {}", why));
}

}  // namespace

std::string record_file_name(std::string_view lu, std::string_view kind) {
  std::string name;
  append_safe(name, lu);
  name += '.';  // never produced by append_safe, so the two parts cannot run into each other
  append_safe(name, kind);
  if (name.size() > kMaxFileName) {
    const std::uint64_t hash = fnv1a(name);
    name.resize(kMaxFileName - 17);
    name += fmt::format("~{:016x}", hash);
  }
  return name + ".rec";
}

std::vector<std::byte> encode_record(std::string_view lu, std::string_view kind, std::span<const std::byte> payload) {
  std::vector<std::byte> file(sizeof(Header) + lu.size() + kind.size() + payload.size() + sizeof(base::be32));
  base::Writer writer(file);
  writer.put(Header{kMagic, kVersion, static_cast<std::uint32_t>(lu.size()), static_cast<std::uint32_t>(kind.size()),
                    static_cast<std::uint32_t>(payload.size())});
  writer.text(lu);
  writer.text(kind);
  writer.bytes(payload);
  writer.put(base::be32(crc32c(std::span(file).first(writer.written()))));
  return file;
}

base::Result<std::vector<std::byte>> decode_record(std::string_view lu, std::string_view kind,
                                                   std::span<const std::byte> file) {
  if (file.size() < sizeof(Header) + sizeof(base::be32) || file.size() > kMaxRecord) return damaged("its size");
  base::be32 crc;
  std::memcpy(&crc, file.last(sizeof crc).data(), sizeof crc);
  const auto covered = file.first(file.size() - sizeof crc);
  if (crc32c(covered) != crc) return damaged("its checksum");
  base::Reader reader(covered);
  const Header header = TRY(reader.read<Header>());
  if (header.magic != kMagic) return damaged("its magic");
  if (header.version != kVersion) return damaged("written by another version");
  const auto of_lu = TRY(reader.bytes(header.lu_length));
  const auto of_kind = TRY(reader.bytes(header.kind_length));
  const auto payload = TRY(reader.bytes(header.payload_length));
  if (reader.left() != 0) return damaged("data behind its end");
  const auto same = [](std::span<const std::byte> bytes, std::string_view text) {
    return std::ranges::equal(bytes, std::as_bytes(std::span(text)));
  };
  if (!same(of_lu, lu) || !same(of_kind, kind)) return damaged("it belongs to something else");
  return std::vector<std::byte>(payload.begin(), payload.end());
}

base::Result<RecordDirectory> RecordDirectory::open(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail_errno("create directory " + path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return base::fail_errno("open directory " + path);
  return RecordDirectory(path, fd);
}

RecordDirectory::RecordDirectory(RecordDirectory&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

RecordDirectory::~RecordDirectory() {
  if (fd_ >= 0) close(fd_);
}

base::Result<void> RecordDirectory::sync() const {
  if (fsync(fd_) != 0) return base::fail_errno("fsync " + path_);
  return {};
}

base::Result<void> RecordDirectory::write_new(const std::string& name, std::span<const std::byte> bytes) const {
  const std::string what = path_ + "/" + name;
  if (unlinkat(fd_, name.c_str(), 0) != 0 && errno != ENOENT) return base::fail_errno("remove " + what);
  File file(openat(fd_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.fd() < 0) return base::fail_errno("create " + what);
  TRY(write_all(file.fd(), bytes, what));
  if (fsync(file.fd()) != 0) return base::fail_errno("fsync " + what);
  if (close(file.release()) != 0) return base::fail_errno("close " + what);
  return {};
}

base::Result<void> RecordDirectory::write(std::string_view lu, std::string_view kind,
                                          std::span<const std::byte> payload) const {
  const std::vector<std::byte> bytes = encode_record(lu, kind, payload);
  const std::string name = record_file_name(lu, kind);
  if (bytes.size() > kMaxRecord) return base::fail(base::Errc::kInvalid, path_ + "/" + name + ": record too large");
  const std::string fresh = name + ".new";
  if (auto written = write_new(fresh, bytes); !written.has_value()) {
    unlinkat(fd_, fresh.c_str(), 0);
    return written;
  }
  if (renameat(fd_, fresh.c_str(), fd_, name.c_str()) != 0) {
    auto failure = base::fail_errno("rename to " + path_ + "/" + name);
    unlinkat(fd_, fresh.c_str(), 0);
    return failure;
  }
  return sync();
}

base::Result<void> RecordDirectory::erase(std::string_view lu, std::string_view kind) const {
  const std::string name = record_file_name(lu, kind);
  if (unlinkat(fd_, name.c_str(), 0) != 0 && errno != ENOENT) return base::fail_errno("remove " + path_ + "/" + name);
  return sync();
}

base::Result<std::optional<std::vector<std::byte>>> RecordDirectory::read(std::string_view lu,
                                                                          std::string_view kind) const {
  const std::string name = record_file_name(lu, kind);
  const std::string what = path_ + "/" + name;
  // O_NONBLOCK: a FIFO put in the place of a record must not hold us.
  const File file(openat(fd_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0 && errno == ENOENT) return std::optional<std::vector<std::byte>>();
  if (file.fd() < 0) return base::fail_errno("open " + what);
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return base::fail_errno("stat " + what);
  if (!S_ISREG(status.st_mode)) return base::fail(base::Errc::kInvalid, what + ": not a regular file");
  if (status.st_size < 0 || static_cast<std::uint64_t>(status.st_size) > kMaxRecord) {
    return base::fail(base::Errc::kInvalid, what + ": too large for a record");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  TRY(read_all(file.fd(), bytes, what));
  auto payload = decode_record(lu, kind, bytes);
  if (!payload.has_value()) return base::fail(payload.error().code, what + ": " + payload.error().text);
  return std::optional(std::move(*payload));
}

}  // namespace scsi
