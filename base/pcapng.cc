// Building pcapng blocks.
#include "base/pcapng.h"

namespace base::pcapng {
namespace {

enum Type : std::uint32_t { kSection = 0x0a0d0d0a, kInterface = 1, kStatistics = 5, kPacket = 6 };
enum Option : std::uint16_t {
  kEnd = 0,
  kComment = 1,
  kInterfaceName = 2,  // of an interface
  kTimeResolution = 9,
  kApplication = 4,  // of a section
  kDropCount = 4,    // of a packet
  kStart = 2,        // of statistics
  kStop = 3,
  kReceived = 4,
  kDropped = 5,
};

template <class T>
std::string_view raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

struct Moment {  // a time as an option's value: two halves, each little-endian
  explicit Moment(std::uint64_t nanoseconds)
      : high(static_cast<std::uint32_t>(nanoseconds >> 32)), low(static_cast<std::uint32_t>(nanoseconds)) {}
  le32 high, low;
};

}  // namespace

void Block::option(std::uint16_t code, std::string_view value) {
  put(le16(code));
  put(le16(static_cast<std::uint16_t>(value.size())));
  bytes(std::as_bytes(std::span(value)));
  pad();
}

void Block::time(std::uint64_t nanoseconds) { put(Moment(nanoseconds)); }

void Block::finish() {
  const le32 length(static_cast<std::uint32_t>(out_.size() - start_ + sizeof(le32)));
  std::memcpy(out_.data() + start_ + sizeof(le32), &length, sizeof length);
  put(length);
}

void add_section(std::vector<std::byte>& out, std::string_view application) {
  Block block(out, kSection);
  block.put(le32(0x1a2b3c4d));  // byte order
  block.put(le16(1));           // version 1.0
  block.put(le16(0));
  block.put(le64(~std::uint64_t{0}));  // length of the section: not known
  if (!application.empty()) {
    block.option(kApplication, application);
    block.option(kEnd, {});
  }
  block.finish();
}

void add_interface(std::vector<std::byte>& out, LinkType type, std::string_view name) {
  Block block(out, kInterface);
  block.put(le16(static_cast<std::uint16_t>(type)));
  block.put(le16(0));
  block.put(le32(0));  // packets are whole
  block.option(kInterfaceName, name);
  block.option(kTimeResolution, std::string_view("\x09", 1));  // nanoseconds
  block.option(kEnd, {});
  block.finish();
}

void add_packet(std::vector<std::byte>& out, std::uint32_t interface, std::uint64_t nanoseconds,
                std::span<const std::byte> head, std::span<const std::byte> payload, std::string_view comment,
                std::uint64_t lost, std::uint32_t left_out) {
  const auto size = static_cast<std::uint32_t>(head.size() + payload.size());
  Block block(out, kPacket);
  block.put(le32(interface));
  block.time(nanoseconds);
  block.put(le32(size));
  block.put(le32(size + left_out));
  block.bytes(head);
  block.bytes(payload);
  block.pad();
  if (!comment.empty()) block.option(kComment, comment);
  if (lost != 0) block.option(kDropCount, raw(le64(lost)));
  if (!comment.empty() || lost != 0) block.option(kEnd, {});
  block.finish();
}

void add_statistics(std::vector<std::byte>& out, const Statistics& statistics) {
  Block block(out, kStatistics);
  block.put(le32(statistics.interface));
  block.time(statistics.now);
  block.option(kStart, raw(Moment(statistics.started)));
  block.option(kStop, raw(Moment(statistics.ended)));
  block.option(kReceived, raw(le64(statistics.received)));
  block.option(kDropped, raw(le64(statistics.dropped)));
  block.option(kEnd, {});
  block.finish();
}

}  // namespace base::pcapng
