// Writes the frames of links to a pcapng file (LINKTYPE_FC_2), for Wireshark. One interface per direction of a link.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace emu::fc {

class Capture {
 public:
  static base::Result<std::unique_ptr<Capture>> create(const std::string& path);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  std::uint32_t add_interface(const std::string& name);  // number for frame()
  // `comment`: what a fault made of the frame; empty: nothing.
  void frame(std::uint32_t interface, base::Time when, std::span<const std::byte> bytes, const char* comment = "");
  void flush() { std::fflush(file_); }

 private:
  explicit Capture(std::FILE* file) : file_(file) {}
  void write(const void* data, std::size_t size) { std::fwrite(data, 1, size, file_); }
  std::FILE* file_;
  std::uint32_t interfaces_ = 0;
};

}  // namespace emu::fc
