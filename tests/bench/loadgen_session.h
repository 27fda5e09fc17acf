// One connection of the load generator: logs in, keeps a number of commands in flight, counts and times them.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "hal/port/iscsi_pdu.h"

namespace bench {

struct Load {
  std::string host = "127.0.0.1";
  std::uint16_t port = 3260;
  std::string target;
  bool write = false;
  bool sequential = false;
  bool digests = false;           // headers and data have them; those that come back are skipped, not checked
  std::uint32_t connections = 1;  // of one session, as the target allows; tags tell them apart
  std::uint32_t block_bytes = 4096;
  std::uint32_t depth = 32;             // of each connection
  std::uint64_t span_bytes = 64 << 20;  // of the logical unit that is touched
  std::uint8_t lun = 1;
  // What a link would add to each command there and back, and a loopback does not: an answer counts that much later.
  std::uint64_t round_trip_ns = 0;
};

// Latencies in buckets of 1/16 of a power of two of nanoseconds.
class Histogram {
 public:
  void add(std::uint64_t nanoseconds);
  std::uint64_t quantile(double q) const;
  void merge(const Histogram& other);
  void clear() { *this = {}; }
  std::uint64_t count() const { return count_; }

 private:
  static constexpr std::size_t kSub = 16;
  std::array<std::uint64_t, 64 * kSub> buckets_{};
  std::uint64_t count_ = 0;
};

// What the connections of one iSCSI session share (RFC 7143 4.2.2).
struct Numbering {
  explicit Numbering(std::uint64_t seed) : isid(seed) {}
  const std::uint64_t isid;
  std::uint16_t tsih = 0;
  std::uint16_t last_cid = 0;
  std::uint32_t cmd_sn = 1, max_cmd_sn = 1;
};

class Session {
 public:
  // Of a session of its own, or one more connection of the session that `numbering` counts for.
  Session(const Load& load, Numbering& numbering);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Blocking; exits with a message when the target refuses.
  void login();
  // One round: sends what may be sent, takes what has come. True if anything happened.
  bool poll(std::uint64_t now);
  void stop() { stopping_ = true; }
  int descriptor() const { return fd_; }
  bool idle() const { return in_flight_ == 0; }
  std::uint64_t completed = 0;
  std::uint64_t errors = 0;
  Histogram latency;

 private:
  struct Slot {
    std::uint64_t started = 0, free_from = 0;
    bool busy = false;
  };
  std::string login_text() const;
  void issue(std::uint32_t slot, std::uint64_t now);
  void queue(const void* header, const std::byte* data, std::uint32_t size);
  void data_out(const hal::iscsi::R2t& r2t);
  bool send_queued();
  bool receive(std::uint64_t now);
  void pdu(const hal::iscsi::BasicHeader& header, std::uint64_t now);
  void finished(std::uint32_t tag, bool good, std::uint64_t now);
  std::string text_value(const std::string& text, const std::string& key) const;

  const Load& load_;
  Numbering& numbering_;
  const std::uint16_t cid_;
  base::SeededRandom random_;
  int fd_ = -1;
  bool stopping_ = false, unit_attention_ = false;
  std::uint32_t exp_stat_sn_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint32_t first_burst_ = 65536, peer_segment_ = 8192;
  bool immediate_ = true, initial_r2t_ = true;
  std::uint64_t next_sequential_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::byte> payload_;
  std::vector<std::byte> in_;
  std::size_t in_start_ = 0, in_end_ = 0;
  hal::iscsi::BasicHeader header_;  // of the PDU that is coming in
  bool in_pdu_ = false;
  std::size_t skip_ = 0;  // bytes of it that are still to come
  // Headers wait in a ring until they are sent; vectors point into it and into the payload.
  struct Header {
    std::array<std::byte, 48> bytes;
    std::uint32_t digest = 0, data_digest = 0;
  };
  std::vector<Header> headers_;
  std::size_t header_next_ = 0;
  std::vector<iovec> out_;
  std::size_t out_start_ = 0;
};

}  // namespace bench
