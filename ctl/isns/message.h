// iSNS messages (RFC 4171 5): headers, attributes in and out. Every length of a peer's is checked here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/endian.h"

namespace ctl::isns {

enum class Function : std::uint16_t {  // 4.1.3
  kRegister = 0x0001,                  // DevAttrReg
  kQuery = 0x0002,                     // DevAttrQry
  kDeregister = 0x0004,                // DevDereg
  kRegisterScn = 0x0005,               // SCNReg
  kScn = 0x0008,                       // state change notification
  kEsi = 0x000d,                       // entity status inquiry
};
inline constexpr std::uint16_t kResponse = 0x8000;  // added to the function of what is answered

enum class Tag : std::uint32_t {  // 6.1
  kDelimiter = 0,
  kEntityIdentifier = 1,
  kEntityProtocol = 2,
  kTimestamp = 4,
  kRegistrationPeriod = 6,
  kPortalAddress = 16,
  kPortalPort = 17,
  kEsiInterval = 19,
  kEsiPort = 20,
  kScnPort = 23,
  kIscsiName = 32,
  kIscsiNodeType = 33,
  kIscsiAlias = 34,
  kScnBitmap = 35,
  kGroupIscsiName = 48,
  kGroupPortalAddress = 49,
  kGroupPortalPort = 50,
  kPortalGroupTag = 51,
};
inline constexpr std::uint32_t kIscsiProtocol = 2, kTargetNode = 1, kInitiatorNode = 2, kUdpPort = 0x10000;

struct Header {  // 5.1
  base::be16 version = 1;
  base::be16 function;
  base::be16 length;  // of what follows
  base::be16 flags;
  base::be16 transaction;
  base::be16 sequence;
};
static_assert(sizeof(Header) == 12);
enum Flag : std::uint16_t {
  kFromClient = 0x8000,
  kFromServer = 0x4000,
  kReplace = 0x1000,
  kLast = 0x0800,
  kFirst = 0x0400
};

using Address = std::array<std::uint8_t, 16>;  // IPv6, or IPv4-mapped

// One message of ours, in one PDU.
class MessageWriter {
 public:
  static constexpr std::size_t kMaxPayload = 65532;  // a multiple of 4 that a length can say
  void put(Tag tag, std::span<const std::byte> value);
  void put(Tag tag, std::string_view text);  // with its NUL
  void put(Tag tag, std::uint32_t number);
  void put(Tag tag, const Address& address) { put(tag, std::as_bytes(std::span(address))); }
  void delimiter() { put(Tag::kDelimiter, std::span<const std::byte>()); }
  void raw(std::span<const std::byte> bytes) { payload_.insert(payload_.end(), bytes.begin(), bytes.end()); }
  void status(std::uint32_t value);
  std::size_t size() const { return payload_.size(); }
  bool fits() const { return payload_.size() <= kMaxPayload; }
  std::vector<std::byte> take(std::uint16_t function, std::uint16_t flags, std::uint16_t transaction) const;

 private:
  std::vector<std::byte> payload_;
};

struct Attribute {
  Tag tag{};
  std::span<const std::byte> value;
  std::optional<std::uint32_t> number() const;   // of four bytes
  std::optional<std::string_view> text() const;  // up to its NUL, which must be there
};

// Walks over a payload's attributes.
class AttributeReader {
 public:
  explicit AttributeReader(std::span<const std::byte> payload) : rest_(payload) {}
  enum class Step : std::uint8_t { kAttribute, kEnd, kMalformed };
  Step next(Attribute& out);
  std::span<const std::byte> rest() const { return rest_; }

 private:
  std::span<const std::byte> rest_;
};
bool well_formed(std::span<const std::byte> payload);

// Puts a stream of bytes together to messages; what was sent in several PDUs comes out as one.
class MessageReader {
 public:
  static constexpr std::size_t kMaxMessage = 1 << 18;
  struct Message {
    Header header;  // of the last PDU
    std::vector<std::byte> payload;
  };
  void feed(std::span<const std::byte> bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
  enum class Step : std::uint8_t { kMessage, kMore, kMalformed };
  Step next(Message& out);

 private:
  std::vector<std::byte> buffer_;
  std::vector<std::byte> gathered_;
  bool under_way_ = false;
  std::uint16_t transaction_ = 0, sequence_ = 0;
};

const char* status_name(std::uint32_t status);  // 5.4.1: "source unknown"

}  // namespace ctl::isns
