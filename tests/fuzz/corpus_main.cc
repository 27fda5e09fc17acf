// Runs a harness over the files of folders, each in memory of its own size: corpus_main FOLDER... In the place of
// libFuzzer where that cannot be, under the memory sanitizer: its own runtime uses a libstdc++ that is not
// instrumented, which is why nothing of that library is used here either.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace {

bool run(int folder, const char* name) {
  const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
  const off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
  auto* const data = size < 0 ? nullptr : static_cast<std::uint8_t*>(std::malloc(static_cast<std::size_t>(size) + 1));
  const bool whole = data != nullptr && pread(fd, data, static_cast<std::size_t>(size), 0) == size;
  if (fd >= 0) close(fd);
  if (whole) {
    auto* const exact = static_cast<std::uint8_t*>(std::realloc(data, size == 0 ? 1 : static_cast<std::size_t>(size)));
    LLVMFuzzerTestOneInput(exact, static_cast<std::size_t>(size));
    std::free(exact);
  }
  return whole;
}

}  // namespace

int main(int argc, char** argv) {
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  int inputs = 0, unread = 0;
  for (int i = 1; i < argc; ++i) {
    DIR* const folder = opendir(argv[i]);
    if (folder == nullptr) return 2;
    while (const dirent* const entry = readdir(folder)) {
      if (entry->d_name[0] != '.') ++(run(dirfd(folder), entry->d_name) ? inputs : unread);
    }
    closedir(folder);
  }
  std::printf("%d inputs\n", inputs);
  std::fflush(stdout);
  _exit(inputs != 0 && unread == 0 ? 0 : 1);  // destructors of libraries that are not instrumented stay out of it
}
