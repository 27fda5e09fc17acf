// A CHAP secret: kept out of logs and messages by having no text form; its memory is wiped when it goes.
#pragma once

#include <string.h>

#include <string>
#include <string_view>
#include <utility>

namespace ctl {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : bytes_(bytes) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      bytes_ = other.bytes_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  // Only for handing over to the fabric and for the secrets file.
  const std::string& reveal() const { return bytes_; }
  bool operator==(const Secret&) const = default;

 private:
  void wipe() {
    explicit_bzero(bytes_.data(), bytes_.size());
    bytes_.clear();
  }
  std::string bytes_;
};

}  // namespace ctl
