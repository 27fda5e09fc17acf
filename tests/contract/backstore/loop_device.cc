// Loop devices.
#include "tests/contract/backstore/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

namespace scsi::test {

std::optional<LoopDevice> LoopDevice::create(const std::string& file, std::uint64_t size) {
  const int backing = open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  std::optional<LoopDevice> made;
  // Another program may take the free one between the two calls.
  for (int tries = 0; control >= 0 && backing >= 0 && !made && tries < 10; ++tries) {
    const int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0 || ftruncate(backing, static_cast<off_t>(size)) != 0) break;
    std::string path = "/dev/loop" + std::to_string(number);
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) break;
    if (ioctl(fd, LOOP_SET_FD, backing) == 0) {
      made = LoopDevice(std::move(path), fd);
    } else {
      close(fd);
    }
  }
  if (control >= 0) close(control);
  if (backing >= 0) close(backing);
  return made;
}

LoopDevice::LoopDevice(LoopDevice&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

LoopDevice& LoopDevice::operator=(LoopDevice&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

LoopDevice::~LoopDevice() {
  if (fd_ < 0) return;
  ioctl(fd_, LOOP_CLR_FD);
  close(fd_);
}

}  // namespace scsi::test
