// The kinds of PciDevice that can be tried here.
#include "tests/contract/pci/bench.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <thread>

#include "emu/host/in_process.h"
#include "emu/host/served.h"
#include "hal/vfio/device.h"
#include "hal/vfio_user/client.h"
#include "tests/support/toy_model.h"

namespace test_support {
namespace {

class InProcessBench final : public Bench {
 public:
  InProcessBench() { host_.attach(model_); }
  base::Result<std::unique_ptr<hal::PciDevice>> open() override { return host_.open(); }
  void step() override { host_.poll(); }
  std::uint64_t faults() override { return host_.faults(); }
  void pull_out() override { host_.remove(); }
  const char* removal_log() const override { return nullptr; }

 private:
  base::ManualClock clock_;
  emu::InProcessHost host_{clock_, "toy"};
  ToyModel model_{host_};
};

// The server's reactor has a thread of its own, as the other process would.
class VfioUserBench final : public Bench {
 public:
  VfioUserBench() : path_(testing::TempDir() + "/pci-contract-" + std::to_string(getpid()) + ".sock") {
    reactor_ = hal::Reactor::create({.name = "server"}).value();
    host_ = std::make_unique<emu::ServedHost>(*reactor_, clock_, "toy");
    model_ = std::make_unique<ToyModel>(*host_);
    host_->attach(*model_);
    const auto listening = host_->listen(path_);
    if (!listening.has_value()) ADD_FAILURE() << listening.error().text;
    reactor_->add(*host_);
    thread_ = std::thread([this] { reactor_->run(); });
  }
  ~VfioUserBench() override {
    reactor_->stop();
    thread_.join();
    host_.reset();
  }
  // A server has one client at a time and may not have seen yet that the one before has gone.
  base::Result<std::unique_ptr<hal::PciDevice>> open() override {
    while (on_server([this] { return host_->connected(); })) std::this_thread::yield();
    return hal::vfio_user::open(path_);
  }
  void step() override { std::this_thread::yield(); }
  std::uint64_t faults() override { return host_->faults(); }
  void pull_out() override {
    on_server([this] {
      host_->pull_out();
      return true;
    });
  }
  const char* removal_log() const override { return "gone"; }

 private:
  bool on_server(std::function<bool()> run) {
    std::promise<bool> done;
    reactor_->post_function([&] { done.set_value(run()); });
    return done.get_future().get();
  }
  const std::string path_;
  base::RealClock clock_;
  std::unique_ptr<hal::Reactor> reactor_;
  std::unique_ptr<emu::ServedHost> host_;
  std::unique_ptr<ToyModel> model_;
  std::thread thread_;
};

// A toy device on this machine's bus, bound to vfio-pci: in a guest whose vfio-user-pci is served by toy_server. The
// variable OUTBOARD_VFIO_TOY has its address.
class VfioBench final : public Bench {
 public:
  explicit VfioBench(std::string address) : address_(std::move(address)) {}
  base::Result<std::unique_ptr<hal::PciDevice>> open() override { return hal::vfio::open(address_); }
  void step() override { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  bool sees_faults() const override { return false; }
  std::uint64_t faults() override { return 0; }
  bool can_pull_out() const override { return false; }
  void pull_out() override {}
  const char* removal_log() const override { return nullptr; }

 private:
  std::string address_;
};

}  // namespace

std::vector<BenchKind> bench_kinds() {
  std::vector<BenchKind> kinds = {{"InProcess", [] { return std::make_unique<InProcessBench>(); }},
                                  {"VfioUser", [] { return std::make_unique<VfioUserBench>(); }}};
  if (const char* const toy = std::getenv("OUTBOARD_VFIO_TOY")) {
    kinds.push_back({"Vfio", [toy] { return std::make_unique<VfioBench>(toy); }});
  }
  return kinds;
}

}  // namespace test_support
