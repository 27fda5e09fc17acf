// What the connections of one reactor send and receive, for a person to look at: a bounded ring that the reactor fills
// and the control plane empties. What finds no room is counted and left out; the reactor never waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"

namespace hal {

struct CaptureFilter {
  std::string local;                    // "192.0.2.1:3260", "[::]:3260" for every local address; empty: all portals
  std::string peer_host;                // "192.0.2.7", "[2001:db8::7]"; empty: all
  std::vector<std::string> peers = {};  // "192.0.2.7:40000": only these connections; empty: all
  std::uint32_t snap = UINT32_MAX;      // bytes of each PDU that are kept
  bool matches(const std::string& local_address, const std::string& peer_address) const;
};

enum class CaptureEvent : std::uint8_t {
  kOpened,     // a connection, from its first byte on; the body is "local peer"
  kContinued,  // one that was there before the capture, from the next PDU on; likewise
  kReceived,   // a PDU or a part of one
  kSent,
  kClosed,
};

struct CaptureRecord {  // the body follows it in the ring
  base::Time when{};
  std::uint64_t offset = 0;  // of the first byte in its direction's stream: gaps are what was lost
  std::uint32_t connection = 0;
  std::uint32_t size = 0;  // of the body
  CaptureEvent event{};
  std::uint32_t left_out = 0;  // bytes of the stream behind the body, which CaptureFilter::snap leaves out
};

// One producer, one consumer.
class CaptureRing {
 public:
  // `number`: of the capture; never the same for two.
  CaptureRing(std::size_t bytes, std::uint64_t number, const CaptureFilter& filter);
  std::uint64_t number() const { return number_; }
  const CaptureFilter& filter() const { return filter_; }

  // --- the reactor ---
  // Room for a body; null and counted as lost when there is none. Nothing else is reserved before commit().
  std::byte* reserve(std::size_t size);
  void commit(const CaptureRecord& record);  // size: at most what was reserved
  void add(const CaptureRecord& record, std::span<const std::byte> body);
  std::uint32_t next_connection() { return ++connections_; }

  // --- the consumer ---
  const CaptureRecord* front();  // null: empty
  static std::span<const std::byte> body(const CaptureRecord& record) {
    return {reinterpret_cast<const std::byte*>(&record + 1), record.size};
  }
  void pop();

  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }  // records; any thread

 private:
  // A record lies behind its whole length, 8-byte aligned; the length 0 says that the next is at the beginning.
  using Length = std::uint64_t;
  static std::size_t whole(std::size_t body) {
    return (sizeof(Length) + sizeof(CaptureRecord) + body + 7) & ~std::size_t{7};
  }
  std::byte* at(std::uint64_t position) { return memory_.get() + position % size_; }

  const std::size_t size_;
  const std::uint64_t number_;
  const CaptureFilter filter_;
  std::unique_ptr<std::byte[]> memory_;
  std::uint32_t connections_ = 0;
  std::uint64_t reserved_ = 0;  // where the reserved record begins
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> lost_{0};
};

// One direction of one connection: PDUs become records of at most kMaxPiece bytes, each PDU beginning one. A PDU that
// finds no room is lost as a whole from there on.
class CaptureStream {
 public:
  static constexpr std::uint32_t kMaxPiece = 65'408;  // fits an IP packet
  CaptureStream(CaptureRing& ring, std::uint32_t connection, CaptureEvent event)
      : ring_(ring), connection_(connection), event_(event), snap_(ring.filter().snap) {}
  bool inside() const { return left_ != 0; }  // a PDU
  std::uint32_t left() const { return left_; }
  void begin(std::uint32_t size) {  // a PDU of this size; the last one has ended
    left_ = size;
    kept_ = 0;
    lost_ = false;
  }
  void add(std::span<const std::byte> bytes, base::Time when);  // at most left()
  void cut(base::Time when);  // what has come so far becomes a record; other streams may add then

 private:
  CaptureRing& ring_;
  const std::uint32_t connection_;
  const CaptureEvent event_;
  const std::uint32_t snap_;
  bool lost_ = false;
  std::byte* room_ = nullptr;
  std::uint32_t room_size_ = 0, have_ = 0, skipped_ = 0;  // of the record; skipped behind what it has
  std::uint32_t left_ = 0, kept_ = 0;                     // of the PDU
  std::uint64_t offset_ = 0;
};

}  // namespace hal
