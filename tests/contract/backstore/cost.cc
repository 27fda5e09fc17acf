// What a request costs in a channel, for counting instructions under callgrind: cost.py says how.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/log.h"
#include "scsi_core/backstores/file.h"
#include "scsi_core/backstores/ram.h"
#include "tests/contract/backstore/bench.h"

namespace {

using namespace scsi;        // NOLINT
using namespace scsi::test;  // NOLINT

constexpr std::uint64_t kSize = 16 << 20;
constexpr std::uint64_t kDepth = 32;

int lend(std::uint64_t count, bool writing) {
  Bench bench(RamStore::create({.size = kSize}).value());
  if (bench.write(0, pattern(kSize, 1)) != StoreStatus::kGood) return 1;
  std::array<hal::DmaSpan, 8> spans;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint32_t segments = 0;
    StoreStatus status = StoreStatus::kGood;
    const std::uint64_t at = i * 40960 % kSize;
    bytes += writing ? bench.channel().lend_for_write(at, 4096, spans, segments, status)
                     : bench.channel().lend_for_read(at, 4096, spans, segments);
  }
  return bytes == count * 4096 ? 0 : 1;
}

int file(std::uint64_t count, StoreOp op, const std::string& path) {
  FileOptions options;
  options.path = path;
  options.size = kSize;
  Bench bench(FileStore::create(options).value());
  if (bench.write(0, pattern(kSize, 1)) != StoreStatus::kGood) return 1;
  std::vector<std::unique_ptr<Call>> calls;
  for (std::uint64_t i = 0; i < kDepth; ++i) {
    calls.push_back(std::make_unique<Call>(op, i * 8192, 4096));
    if (op == StoreOp::kWrite) std::memset(calls.back()->data().data(), 1, 4096);
  }
  for (std::uint64_t i = 0; i < count; i += kDepth) {
    for (auto& call : calls) {
      call->answers = 0;
      bench.submit(*call);
    }
    for (auto& call : calls) {
      bench.wait(*call);
      if (call->status != StoreStatus::kGood) return 1;
    }
  }
  return 0;
}

}  // namespace

// cost lend-read|lend-write|file-read|file-write COUNT [PATH]
int main(int argc, char** argv) {
  if (argc < 3) return 2;
  base::set_log_level(base::LogLevel::kWarn);
  const std::string what = argv[1];
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  if (what == "lend-read" || what == "lend-write") return lend(count, what == "lend-write");
  if (argc < 4) return 2;
  return file(count, what == "file-write" ? StoreOp::kWrite : StoreOp::kRead, argv[3]);
}
