// A pcapng file: section header, one interface per direction of a link, a packet per frame.
#include "emu/fc/capture.h"

#include <vector>

#include "base/pcapng.h"

namespace emu::fc {

namespace pcapng = base::pcapng;

base::Result<std::unique_ptr<Capture>> Capture::create(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return base::fail_errno("open " + path);
  std::unique_ptr<Capture> capture(new Capture(file));
  std::vector<std::byte> out;
  pcapng::add_section(out);
  capture->write(out.data(), out.size());
  return capture;
}

Capture::~Capture() { std::fclose(file_); }

std::uint32_t Capture::add_interface(const std::string& name) {
  std::vector<std::byte> out;
  pcapng::add_interface(out, pcapng::LinkType::kFc2, name);
  write(out.data(), out.size());
  return interfaces_++;
}

void Capture::frame(std::uint32_t interface, base::Time when, std::span<const std::byte> bytes, const char* comment) {
  std::vector<std::byte> out;
  pcapng::add_packet(out, interface, static_cast<std::uint64_t>(when.time_since_epoch().count()), bytes, {}, comment);
  write(out.data(), out.size());
}

}  // namespace emu::fc
