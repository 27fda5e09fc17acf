// Reading and writing small private files.
#include "ctl/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace ctl {
namespace {

base::Result<void> write_all(int fd, std::string_view text, const std::string& what) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail_errno("write " + what);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

bool owned_by_us_or_root(const struct stat& status) { return status.st_uid == geteuid() || status.st_uid == 0; }

}  // namespace

base::Result<Fd> open_private_directory(const std::string& path, bool create) {
  if (create && mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail_errno("create directory " + path);
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return base::fail_errno("open directory " + path);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return base::fail_errno("stat " + path);
  if (!owned_by_us_or_root(status)) return base::fail(base::Errc::kDenied, path + " belongs to another user");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return base::fail(base::Errc::kDenied, path + ": others can write to it");
  return fd;
}

base::Result<std::string> read_file_at(int directory, const std::string& name, std::size_t limit,
                                       const std::string& what) {
  // O_NONBLOCK: a FIFO in its place must not hold us.
  const Fd fd(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return base::fail(base::Errc::kNotFound, what + " does not exist");
  if (!fd) return base::fail_errno("open " + what);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return base::fail_errno("stat " + what);
  if (!S_ISREG(status.st_mode)) return base::fail(base::Errc::kInvalid, what + " is not a regular file");
  if (!owned_by_us_or_root(status)) return base::fail(base::Errc::kDenied, what + " belongs to another user");
  if (static_cast<std::uint64_t>(status.st_size) > limit)
    return base::fail(base::Errc::kInvalid, what + " is too large");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = read(fd.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail_errno("read " + what);
    if (n == 0) return base::fail(base::Errc::kInvalid, what + " became shorter while it was read");
    done += static_cast<std::size_t>(n);
  }
  return text;
}

base::Result<void> write_new_file_at(int directory, const std::string& name, std::string_view text,
                                     const std::string& what) {
  const Fd fd(openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return base::fail_errno("create " + what);
  TRY(write_all(fd.get(), text, what));
  if (fsync(fd.get()) != 0) return base::fail_errno("fsync " + what);
  return {};
}

base::Result<std::string> read_all(int fd, const std::string& what, std::size_t limit) {
  std::string text;
  for (;;) {
    std::array<char, 4096> chunk;
    const ssize_t n = read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail_errno("read " + what);
    if (n == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(n));
    explicit_bzero(chunk.data(), static_cast<std::size_t>(n));
    if (text.size() > limit) return base::fail(base::Errc::kInvalid, what + " is too large");
  }
}

base::Result<std::string> read_named_file(const std::string& path, std::size_t limit, bool secret) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail_errno("open " + path);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return base::fail_errno("stat " + path);
  if (secret && S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    return base::fail(base::Errc::kDenied, path + " can be read by others: chmod 600 it");
  }
  return read_all(fd.get(), path, limit);
}

}  // namespace ctl
