// Writes pcapng blocks (IETF draft-ietf-opsawg-pcapng): section header, interface descriptions, enhanced packets.
#include "emu/fc/capture.h"

#include <cstring>
#include <string_view>
#include <vector>

#include "base/endian.h"

namespace emu::fc {
namespace {

using base::le16;
using base::le32;

enum Block : std::uint32_t { kSectionHeader = 0x0a0d0d0a, kInterface = 1, kEnhancedPacket = 6 };
enum Option : std::uint16_t { kEnd = 0, kComment = 1, kInterfaceName = 2, kTimeResolution = 9 };
constexpr std::uint16_t kLinkTypeFc2 = 224;

class BlockWriter {  // lengths are known at the end
 public:
  explicit BlockWriter(Block type) {
    put(le32(type));
    put(le32(0));
  }
  template <class T>
  void put(const T& value) {
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  void bytes(std::span<const std::byte> data) { out_.insert(out_.end(), data.begin(), data.end()); }
  void pad() { out_.resize((out_.size() + 3) & ~std::size_t{3}); }
  void option(Option code, std::string_view value) {
    put(le16(code));
    put(le16(static_cast<std::uint16_t>(value.size())));
    bytes(std::as_bytes(std::span(value)));
    pad();
  }
  const std::vector<std::byte>& finish() {
    const le32 length(static_cast<std::uint32_t>(out_.size() + sizeof(le32)));
    std::memcpy(out_.data() + sizeof(le32), &length, sizeof(length));
    put(length);
    return out_;
  }

 private:
  std::vector<std::byte> out_;
};

}  // namespace

base::Result<std::unique_ptr<Capture>> Capture::create(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return base::fail_errno("open " + path);
  std::unique_ptr<Capture> capture(new Capture(file));
  BlockWriter block(kSectionHeader);
  block.put(le32(0x1a2b3c4d));  // byte order
  block.put(le16(1));           // version 1.0
  block.put(le16(0));
  block.put(base::le64(~std::uint64_t{0}));  // length of the section: not known
  const auto& bytes = block.finish();
  capture->write(bytes.data(), bytes.size());
  return capture;
}

Capture::~Capture() { std::fclose(file_); }

std::uint32_t Capture::add_interface(const std::string& name) {
  BlockWriter block(kInterface);
  block.put(le16(kLinkTypeFc2));
  block.put(le16(0));
  block.put(le32(0));  // frames are whole
  block.option(kInterfaceName, name);
  block.option(kTimeResolution, std::string_view("\x09", 1));  // nanoseconds
  block.option(kEnd, {});
  const auto& bytes = block.finish();
  write(bytes.data(), bytes.size());
  return interfaces_++;
}

void Capture::frame(std::uint32_t interface, base::Time when, std::span<const std::byte> bytes, const char* comment) {
  const auto nanoseconds = static_cast<std::uint64_t>(when.time_since_epoch().count());
  BlockWriter block(kEnhancedPacket);
  block.put(le32(interface));
  block.put(le32(static_cast<std::uint32_t>(nanoseconds >> 32)));
  block.put(le32(static_cast<std::uint32_t>(nanoseconds)));
  block.put(le32(static_cast<std::uint32_t>(bytes.size())));
  block.put(le32(static_cast<std::uint32_t>(bytes.size())));
  block.bytes(bytes);
  block.pad();
  if (*comment != 0) {
    block.option(kComment, comment);
    block.option(kEnd, {});
  }
  const auto& out = block.finish();
  write(out.data(), out.size());
}

}  // namespace emu::fc
