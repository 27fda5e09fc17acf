// Small files in a directory that is held open: created 0600, never through a symbolic link, made durable. Blocking.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace ctl {

using base::Fd;

// Opens a directory, after making it (0700) if it is not there, and refuses one that others can write to or that is
// neither ours nor root's.
base::Result<Fd> open_private_directory(const std::string& path, bool create);

// A regular file that we or root own; errors begin with `what`. Errc::kNotFound when it is not there.
base::Result<std::string> read_file_at(int directory, const std::string& name, std::size_t limit,
                                       const std::string& what);
// Writes `name`, which must not exist, and fsyncs it.
base::Result<void> write_new_file_at(int directory, const std::string& name, std::string_view text,
                                     const std::string& what);

// Until the end; `what` is for errors.
base::Result<std::string> read_all(int fd, const std::string& what, std::size_t limit);
// The file that a person named. A secret one must not be readable by others.
base::Result<std::string> read_named_file(const std::string& path, std::size_t limit, bool secret);

}  // namespace ctl
