// Rings of 64-byte entries in host memory: those the host fills (requests), and those the firmware fills (responses,
// ATIOs).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "emu/qla/memory.h"

namespace emu::qla {

// Where a ring is, as the host tells it.
struct RingPlace {
  std::uint64_t base = 0;
  std::uint32_t length = 0;  // entries
  std::uint32_t index = 0;   // where the firmware begins
  bool shadow = false;       // the firmware's index is also in host memory, in the slot behind the last entry
};

class RequestQueue {
 public:
  RequestQueue(ModelHost& host, std::string name) : host_(host), name_(std::move(name)) {}
  void configure(const RingPlace& place);
  void reset();
  bool configured() const { return length_ != 0; }
  void doorbell(std::uint32_t in);  // the host's write of the in index
  void set_out(std::uint32_t out);  // drivers zero it before they initialise the firmware
  std::uint32_t in() const { return in_; }
  std::uint32_t out() const { return out_; }
  // The next request with its continuations, valid until the next call; empty when there is none. A request whose count
  // is wrong comes alone. `failed`: host memory could not be read.
  std::span<wire::Entry> next(bool& failed);
  bool miscounted() const { return miscounted_; }  // what next() gave

 private:
  static constexpr std::uint32_t kStage = 64;
  bool stage(std::uint32_t wanted);
  bool copy(std::uint32_t wanted);
  std::uint32_t posted() const { return (in_ + length_ - out_) % length_; }
  ModelHost& host_;
  std::string name_;
  std::uint64_t base_ = 0;
  std::uint32_t length_ = 0, in_ = 0, out_ = 0;
  bool shadow_ = false;
  bool miscounted_ = false;
  std::vector<wire::Entry> staged_;  // copied out, not yet given
  std::size_t given_ = 0;
};

class EntryQueue {
 public:
  EntryQueue(ModelHost& host, std::string name) : host_(host), name_(std::move(name)) {}
  void configure(const RingPlace& place);
  void reset();
  bool configured() const { return length_ != 0; }
  void host_took(std::uint32_t out);  // the host's write of the out index
  void set_in(std::uint32_t in);      // drivers zero it before they initialise the firmware
  std::uint32_t in() const { return in_; }
  std::uint32_t out() const { return out_; }
  bool room(std::uint32_t entries) const { return waiting_.empty() && free() >= entries; }
  // Writes the entry, or keeps it until the host has made room. False: host memory could not be written.
  bool push(const wire::Entry& entry);
  bool push(std::span<const wire::Entry> entries);
  bool poll();  // writes what was kept; true if any was
  bool take_news() { return std::exchange(news_, false); }
  std::size_t kept() const { return waiting_.size(); }

 private:
  std::uint32_t free() const { return length_ == 0 ? 0 : (out_ + length_ - in_ - 1) % length_; }
  bool write(const wire::Entry& entry);
  ModelHost& host_;
  std::string name_;
  std::uint64_t base_ = 0;
  std::uint32_t length_ = 0, in_ = 0, out_ = 0;
  bool shadow_ = false;
  bool news_ = false;  // entries the host was not told of
  std::deque<wire::Entry> waiting_;
};

}  // namespace emu::qla
