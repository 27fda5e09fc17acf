// Fibre Channel engines under faults from seeds: every exchange ends exactly once, on both sides, and data are right.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "emu/fc/loop_hub.h"
#include "emu/fc/switch/switch.h"
#include "tests/unit/emu/fc/station.h"

namespace emu::fc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kDefaultSeeds = 30;
constexpr std::uint32_t kRegions = 16, kRegionSize = 20'000;

enum class Shape { kSwitch, kPointToPoint, kLoop };

// One region of the disk: at most one command at a time works on it.
struct Region {
  Station::Io* io = nullptr;
  bool known = false, abort_asked = false;
  std::vector<std::byte> content;
  base::Time since{};
};

class World {
 public:
  World(std::uint64_t seed, Shape shape) : random_(seed), shape_(shape) {
    const unsigned links = shape == Shape::kPointToPoint ? 1 : 2;
    for (unsigned i = 0; i < links; ++i) {
      links_.push_back(std::make_unique<Link>(LinkOptions{"l", 8, random_.next()}));
      links_.back()->poll(now_);
    }
    const Connection how = shape == Shape::kLoop ? Connection::kLoop : Connection::kPointToPoint;
    host_ = std::make_unique<Station>(links_[0]->end(0), kHostName, Station::Role::kInitiator, how);
    disk_ = std::make_unique<Station>(links == 1 ? links_[0]->end(1) : links_[1]->end(0), kDiskName,
                                      Station::Role::kTarget, how);
    SwitchOptions options;
    options.resource_allocation = seconds(1);
    options.error_detect = milliseconds(200);
    fabric_ = std::make_unique<Switch>(options);
    for (unsigned i = 0; shape != Shape::kPointToPoint && i < 2; ++i) {
      if (shape == Shape::kSwitch) fabric_->add_port(links_[i]->end(1));
      if (shape == Shape::kLoop) hub_.add(links_[i]->end(1));
    }
    for (Station* station : {host_.get(), disk_.get()}) {
      station->port.settings().resource_allocation = seconds(1);
      station->port.settings().error_detect = milliseconds(200);
      station->port.settings().exchanges = 64;
      station->port.start();
    }
    disk_->response_flags =
        random_.below(3) == 0 ? std::uint8_t{hal::fc::FcpRsp::kConfirmationRequested} : std::uint8_t{0};
    regions_.resize(kRegions);
  }

  void go() {
    set_faults(true);
    for (int i = 0; i < 3000; ++i) {
      step();
      act();
    }
    set_faults(false);
    for (int i = 0; i < 20'000 && busy(); ++i) {
      step();
      keep_logged_in();
      look();
    }
    ASSERT_FALSE(busy()) << "a command did not end";
    for (int i = 0; i < 6000 && (!logged_in() || !disk_->served.empty()); ++i) {
      step();
      keep_logged_in();
    }
    ASSERT_TRUE(logged_in()) << "no login after the faults";
    EXPECT_TRUE(disk_->served.empty()) << "the disk still has a command";
    for (int i = 0; i < 3000; ++i) step();  // what is late comes to nothing
    for (const auto& [tag, io] : host_->ios) EXPECT_EQ(io->ended, 1) << "command " << tag;
    EXPECT_TRUE(reads_again());
  }
  std::uint64_t good() const { return good_; }
  std::uint64_t bad() const { return bad_; }

 private:
  void set_faults(bool on) {
    for (auto& link : links_) {
      LinkFaults faults;
      if (on) {
        faults.drop = static_cast<std::uint32_t>(random_.below(20'000));
        faults.delay = static_cast<std::uint32_t>(random_.below(20'000));
        faults.reorder = static_cast<std::uint32_t>(random_.below(20'000));
        faults.bounce = static_cast<std::uint32_t>(random_.below(300));
      }
      link->set_faults(faults);
    }
  }
  void step() {
    now_ += milliseconds(1);
    for (int i = 0; i < 3; ++i) {
      for (auto& link : links_) link->poll(now_);
      host_->port.poll(now_);
      disk_->port.poll(now_);
      fabric_->poll(now_);
      hub_.poll();
    }
  }
  PortId target() const {
    if (shape_ == Shape::kSwitch) return PortId{0x010100};
    return shape_ == Shape::kLoop ? disk_->info.id : host_->info.peer.id;
  }
  bool logged_in() const {
    const Login* const login = host_->port.find_login(0, target());
    return host_->port.link() != nullptr && login != nullptr && login->state == LoginState::kPrliDone;
  }
  void keep_logged_in() {
    if (login_tag_ != 0 && !host_->answered(login_tag_)) return;
    login_tag_ = 0;
    if (logged_in() || host_->port.link() == nullptr || disk_->port.link() == nullptr) return;
    login_tag_ = 1'000'000 + host_->request_tag();
    host_->port.log_in({login_tag_, 0, target(), {}}, LoginRequest::kPlogiPrli);
  }
  bool busy() const {
    for (const Region& region : regions_) {
      if (region.io != nullptr) return true;
    }
    return false;
  }
  // Starts, aborts, logs out, pulls the cable.
  void act() {
    keep_logged_in();
    look();
    const std::uint64_t what = random_.below(1000);
    if (what == 0) links_[random_.below(links_.size())]->bounce(milliseconds(50));
    if (what == 1) host_->port.implicit_logout(0, target());
    if (what == 2) disk_->port.log_in({2'000'000 + disk_->request_tag(), 0, host_->info.id, {}}, LoginRequest::kLogo);
    if (what < 300 && logged_in()) start(regions_[random_.below(regions_.size())]);
  }
  // A disk that lost its logins says so to the first command.
  bool reads_again() {
    for (int i = 0; i < 3; ++i) {
      for (int wait = 0; wait < 3000 && !logged_in(); ++wait) {
        keep_logged_in();
        step();
      }
      const Station::Io& io = host_->start(target(), false, 0, kRegionSize);
      for (int wait = 0; wait < 1000 && io.ended == 0; ++wait) step();
      if (io.ended == 1 && io.reason == EndReason::kDone && io.data_in == kRegionSize) return true;
    }
    return false;
  }
  void start(Region& region) {
    if (region.io != nullptr) return;
    const auto at = static_cast<std::uint32_t>(&region - regions_.data()) * kRegionSize;
    const bool write = random_.below(2) == 0;
    region.io = &host_->start(target(), write, at, kRegionSize, random_.below(2) == 0 ? seconds(1) : seconds(0));
    region.since = now_;
    region.abort_asked = false;
    if (write) region.known = false;
  }
  void look() {
    for (Region& region : regions_) {
      if (region.io == nullptr) continue;
      Station::Io& io = *region.io;
      const bool late = now_ > region.since + milliseconds(1500) || random_.below(2000) == 0;
      if (io.ended == 0 && late && !region.abort_asked) region.abort_asked = host_->port.abort(io.id, io.tag);
      if (io.ended == 0) continue;
      judge(region, io);
      region.io = nullptr;
    }
  }
  void judge(Region& region, const Station::Io& io) {
    const bool whole = io.reason == EndReason::kDone && (io.write ? io.data_out : io.data_in) == kRegionSize;
    ++(whole ? good_ : bad_);
    if (!whole) return;
    if (!io.write && region.known) {
      EXPECT_TRUE(io.data == region.content) << "a read gave other data than were written";
    }
    region.content = io.data;
    region.known = true;
  }

  base::SeededRandom random_;
  Shape shape_;
  base::Time now_{seconds(1)};
  std::vector<std::unique_ptr<Link>> links_;
  std::unique_ptr<Switch> fabric_;
  LoopHub hub_;
  std::unique_ptr<Station> host_, disk_;
  std::vector<Region> regions_;
  std::uint32_t login_tag_ = 0;
  std::uint64_t good_ = 0, bad_ = 0;
};

class FcSim : public testing::TestWithParam<Shape> {};

TEST_P(FcSim, EveryExchangeEndsOnceWhateverIsLost) {
  const char* const one = std::getenv("OUTBOARD_SIM_SEED");
  const char* const many = std::getenv("OUTBOARD_SIM_SEEDS");
  const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 1;
  const std::uint64_t count = one != nullptr ? 1 : many != nullptr ? std::strtoull(many, nullptr, 10) : kDefaultSeeds;
  std::uint64_t good = 0, bad = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    World run(seed, GetParam());
    run.go();
    good += run.good();
    bad += run.bad();
    ASSERT_FALSE(HasFailure()) << "OUTBOARD_SIM_SEED=" << seed;
  }
  std::printf("%llu seeds, %llu commands whole, %llu not\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(good), static_cast<unsigned long long>(bad));
  EXPECT_GT(good, count * 10);
  if (count >= 10) {
    EXPECT_GT(bad, count);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, FcSim, testing::Values(Shape::kSwitch, Shape::kPointToPoint, Shape::kLoop));

}  // namespace
}  // namespace emu::fc
