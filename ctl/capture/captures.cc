// The life of a capture and the merging of its rings.
#include "ctl/capture/captures.h"

#include <algorithm>
#include <chrono>

#include "base/pcapng.h"
#include "ctl/capture/tcp_flows.h"
#include "ctl/wall_clock.h"

namespace ctl {
namespace {

// Records of one reactor may be on their way into its ring while another's later ones are there already.
constexpr base::Duration kMergeWindow = std::chrono::milliseconds(2);

}  // namespace

struct Captures::Running {
  enum class State : std::uint8_t { kStarting, kOn, kStopping, kStopped };
  std::uint64_t number = 0;
  std::uint64_t began = 0;   // wall clock
  base::Time began_at{};     // and ours
  bool section_owed = true;  // the head of the file
  State state = State::kStarting;
  std::string name;                                      // of the interface
  std::vector<std::unique_ptr<hal::CaptureRing>> rings;  // one for each data reactor
  TcpFlows flows;
  std::uint64_t packets = 0, lost_told = 0;
  std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const auto& ring : rings) sum += ring->lost();
    return sum;
  }
  std::uint64_t wall(base::Time when) const { return began + static_cast<std::uint64_t>((when - began_at).count()); }
};

Captures::Captures(hal::Reactor& control, std::vector<hal::Reactor*> data, hal::Datamover& datamover)
    : control_(control), data_(std::move(data)), datamover_(datamover) {}
Captures::~Captures() { timer_.disarm(); }

// `done(all)` runs here when every data reactor has begun or ended; false: one of them cannot.
void Captures::everywhere(bool on, std::function<void(bool)> done) {
  struct Round {
    std::size_t left;
    bool all = true;
    std::function<void(bool)> done;
  };
  auto* const round = new Round{data_.size(), true, std::move(done)};  // deleted with the last answer
  for (std::size_t i = 0; i < data_.size(); ++i) {
    hal::CaptureRing* const ring = on ? running_->rings[i].get() : nullptr;
    data_[i]->post_function([this, reactor = data_[i], ring, round] {
      const bool can = datamover_.capture(*reactor, ring);
      control_.post_function([round, can] {
        round->all &= can;
        if (--round->left != 0) return;
        const std::unique_ptr<Round> mine(round);
        mine->done(mine->all);
      });
    });
  }
}

void Captures::start(const hal::CaptureFilter& filter, std::size_t buffer, Started started) {
  if (running_ != nullptr) return started(base::fail(base::Errc::kBusy, "another capture is going on"));
  running_ = std::make_unique<Running>();
  running_->number = next_number_++;
  running_->began = static_cast<std::uint64_t>(wall_clock().count());
  running_->began_at = control_.now();
  running_->name = filter.local.empty() ? "iscsi" : filter.local;
  for (std::size_t i = 0; i < data_.size(); ++i) {
    running_->rings.push_back(std::make_unique<hal::CaptureRing>(buffer, running_->number, filter));
  }
  everywhere(true, [this, started = std::move(started)](bool all) {
    if (!all) {
      return everywhere(false, [this, started](bool) {
        running_.reset();
        started(base::fail(base::Errc::kUnsupported, "these ports cannot be captured"));
      });
    }
    running_->state = Running::State::kOn;
    timer_.arm(control_.timers(), control_.now() + kForgotten);
    started(running_->number);
  });
}

void Captures::stop(std::uint64_t number, Done done) {
  if (running_ == nullptr || running_->number != number || running_->state != Running::State::kOn) {
    return done(base::fail(base::Errc::kNotFound, "no such capture is going on"));
  }
  running_->state = Running::State::kStopping;
  timer_.disarm();
  everywhere(false, [this, done = std::move(done)](bool) {
    running_->state = Running::State::kStopped;
    timer_.arm(control_.timers(), control_.now() + kForgotten);
    done({});
  });
}

base::Result<CapturePiece> Captures::read(std::uint64_t number) {
  if (running_ == nullptr || running_->number != number) {
    return base::fail(base::Errc::kNotFound, "no such capture is going on; one that is not read ends after 15s");
  }
  if (timer_.armed()) timer_.arm(control_.timers(), control_.now() + kForgotten);
  CapturePiece piece;
  if (std::exchange(running_->section_owed, false)) {
    base::pcapng::add_section(piece.bytes, "outboardd");
    base::pcapng::add_interface(piece.bytes, base::pcapng::LinkType::kRaw, running_->name);
  }
  take_records(piece);
  piece.packets = running_->packets;
  piece.lost = running_->lost();
  if (!piece.more && running_->state == Running::State::kStopped) finish(piece);
  return piece;
}

// The oldest of what lies at the front of the rings, again and again.
void Captures::take_records(CapturePiece& piece) {
  Running& run = *running_;
  const bool all = run.state == Running::State::kStopped;
  const base::Time until = control_.now() - kMergeWindow;
  for (;;) {
    const hal::CaptureRecord* oldest = nullptr;
    std::size_t from = 0;
    for (std::size_t i = 0; i < run.rings.size(); ++i) {
      const hal::CaptureRecord* const record = run.rings[i]->front();
      if (record == nullptr || (!all && record->when > until)) continue;
      if (oldest != nullptr && oldest->when <= record->when) continue;
      oldest = record;
      from = i;
    }
    if (oldest == nullptr) return;
    piece.more = piece.bytes.size() >= kPiece;
    if (piece.more) return;
    for (const auto& [head, payload] : run.flows.packets(from, *oldest, hal::CaptureRing::body(*oldest))) {
      const std::uint64_t lost = run.lost();
      base::pcapng::add_packet(piece.bytes, 0, run.wall(oldest->when), head, payload, {}, lost - run.lost_told,
                               oldest->left_out);
      run.lost_told = lost;
      ++run.packets;
    }
    run.rings[from]->pop();
  }
}

void Captures::finish(CapturePiece& piece) {
  const std::uint64_t now = running_->wall(control_.now());
  base::pcapng::add_statistics(piece.bytes, {.interface = 0,
                                             .now = now,
                                             .started = running_->began,
                                             .ended = now,
                                             .received = running_->packets + running_->lost(),
                                             .dropped = running_->lost()});
  piece.ended = true;
  timer_.disarm();
  running_.reset();
}

void Captures::forgotten(void* context) {
  auto& self = *static_cast<Captures*>(context);
  if (self.running_->state == Running::State::kStopped) return self.running_.reset();
  self.running_->state = Running::State::kStopping;
  self.everywhere(false, [&self](bool) { self.running_.reset(); });
}

}  // namespace ctl
