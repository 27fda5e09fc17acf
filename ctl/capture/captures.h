// Captures of what ports send and receive: begun and ended on all data reactors, read piece by piece. Control reactor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hal/port/datamover.h"
#include "hal/reactor.h"

namespace ctl {

struct CapturePiece {  // of a pcapng file
  std::vector<std::byte> bytes;
  std::uint64_t packets = 0, lost = 0;  // since the beginning
  bool more = false;                    // there is more already
  bool ended = false;                   // and this is the last piece
};

class Captures {
 public:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;
  static constexpr base::Duration kForgotten = std::chrono::seconds(15);  // nobody has read: it is ended

  // Everything outlives this; it outlives what runs on the reactors.
  Captures(hal::Reactor& control, std::vector<hal::Reactor*> data, hal::Datamover& datamover);
  ~Captures();

  using Started = std::function<void(base::Result<std::uint64_t>)>;
  using Done = std::function<void(base::Result<void>)>;
  // `buffer`: bytes for each data reactor. `started` is called, with the number, once all of them capture.
  void start(const hal::CaptureFilter& filter, std::size_t buffer, Started started);
  base::Result<CapturePiece> read(std::uint64_t number);
  // Nothing more is captured once `done` is called; what was is to be read until the piece that is the last.
  void stop(std::uint64_t number, Done done);

 private:
  struct Running;
  void everywhere(bool on, std::function<void(bool)> done);
  void take_records(CapturePiece& piece);
  void finish(CapturePiece& piece);
  static void forgotten(void* context);

  hal::Reactor& control_;
  const std::vector<hal::Reactor*> data_;
  hal::Datamover& datamover_;
  std::uint64_t next_number_ = 1;
  std::unique_ptr<Running> running_;
  hal::Timer timer_{&Captures::forgotten, this};
};

}  // namespace ctl
