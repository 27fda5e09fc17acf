// A block device for tests: a loop device on a sparse file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace scsi::test {

class LoopDevice {
 public:
  // None where loop devices are missing or not permitted.
  static std::optional<LoopDevice> create(const std::string& file, std::uint64_t size);
  LoopDevice(LoopDevice&& other) noexcept;
  LoopDevice& operator=(LoopDevice&& other) noexcept;
  ~LoopDevice();
  const std::string& path() const { return path_; }

 private:
  LoopDevice(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace scsi::test
