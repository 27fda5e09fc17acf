// A Fibre Channel link: two wire ends with buffer-to-buffer credit, light, capture, and faults on request or by seed.
//
// One thread. poll() tells it the time; without faults that delay, frames arrive at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "emu/fc/capture.h"
#include "emu/wire.h"
#include "hal/port/fc_frame.h"

namespace emu::fc {

enum class Fate : std::uint8_t { kPass, kDrop, kDelay, kReorder, kBounce };

struct LinkFaults {  // each a chance per million frames
  std::uint32_t drop = 0, delay = 0;
  std::uint32_t reorder = 0;  // the whole sequence comes after later ones
  std::uint32_t bounce = 0;   // the link goes dark
  base::Duration longest_delay = std::chrono::milliseconds(5);
  base::Duration dark = std::chrono::milliseconds(100);
};

struct LinkOptions {
  std::string name = "link";
  std::uint32_t credit = 32;  // frames under way in each direction; rounded up to a power of two
  std::uint64_t seed = 1;     // of faults
};

class Link {
 public:
  explicit Link(const LinkOptions& options);
  Wire& end(unsigned which) { return ends_[which]; }  // 0 or 1
  bool poll(base::Time now);                          // true if something became visible

  void cut(bool out);  // the cable is out, until it is in again
  void bounce(base::Duration dark);
  void set_faults(const LinkFaults& faults);
  // Asked for each frame sent by end `from`; replaces the seeded faults.
  using Judge =
      std::function<Fate(unsigned from, const hal::fc::FrameHeader& header, std::span<const std::byte> payload)>;
  void set_judge(Judge judge);
  void set_capture(Capture* capture);  // outlives the link, or null
  std::uint64_t frames(unsigned from) const { return ends_[from].posted_; }
  std::uint64_t lost() const { return lost_; }

 private:
  struct Slot {
    base::Time ready{};
    std::uint32_t size = 0;
    std::array<std::byte, hal::fc::kFrameHeaderSize + hal::fc::kMaxFramePayload> bytes;
  };
  struct Held {  // a sequence taken out of order
    std::uint64_t key = 0;
    bool complete = false;
    std::uint32_t others = 0;  // sequences that have passed it
    base::Time until{};
    std::vector<std::vector<std::byte>> frames;
  };
  class End final : public Wire {
   public:
    void light(bool on) override;
    bool up() const override { return link_->up_; }
    std::span<std::byte> place(std::size_t size) override;
    void post(std::size_t size) override;
    std::optional<std::span<const std::byte>> receive() override;

   private:
    friend class Link;
    bool full() const { return tail_ - head_ == slots_.size(); }  // a power of two
    Slot& slot(std::uint32_t at) { return slots_[at & (slots_.size() - 1)]; }
    void clear();
    Link* link_ = nullptr;
    End* other_ = nullptr;
    bool lit_ = false;
    bool taken_ = false;       // the frame at head_ of the other end was given out by receive()
    std::vector<Slot> slots_;  // sent by this end
    std::uint32_t head_ = 0, tail_ = 0;
    std::vector<Held> held_;
    std::uint64_t posted_ = 0;
    std::uint32_t interface_ = 0;
    unsigned number_ = 0;
  };

  bool faulty() const { return judge_ || seeded_; }
  void send_faulty(End& from, std::span<const std::byte> frame);
  Fate judge(const End& from, std::span<const std::byte> frame);
  bool hold(End& from, std::span<const std::byte> frame, Fate fate);
  bool release(End& from);
  void update();  // of up_
  void darken();

  LinkOptions options_;
  std::array<End, 2> ends_;
  bool up_ = false, cut_ = false;
  base::Time now_{}, dark_until_{};
  base::SeededRandom random_;
  LinkFaults faults_;
  bool seeded_ = false;
  Judge judge_;
  Capture* capture_ = nullptr;
  std::uint64_t lost_ = 0;
};

}  // namespace emu::fc
