// Making, starting and ending the daemon.
#include "ctl/outboardd/daemon.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "ctl/config/toml.h"
#include "ctl/outboardd/cores.h"
#include "ctl/outboardd/default_config.h"
#include "ctl/outboardd/log.h"
#include "ctl/units.h"
#include "drivers/soft/tcp/tcp.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20;
constexpr auto kEndLimit = std::chrono::seconds(20);    // beyond the grace
constexpr auto kSettleLimit = std::chrono::seconds(5);  // for messages that are still on their way at the end

// The directory of the default socket is ours to make; any other must be there.
base::Result<void> make_default_directory(const Options& options, std::optional<gid_t> group) {
  const std::string directory = "/run/outboard";
  if (!options.socket.starts_with(directory + "/")) return {};
  TRY(open_private_directory(directory, true));
  if (group && (chown(directory.c_str(), static_cast<uid_t>(-1), *group) != 0 || chmod(directory.c_str(), 0750) != 0)) {
    return base::fail_errno("give " + directory + " to the group");
  }
  return {};
}

}  // namespace

base::Result<void> Daemon::take_places() {
  std::optional<gid_t> group;
  if (!options_.group.empty()) group = TRY(group_by_name(options_.group));
  policy_ = {geteuid(), group};
  if (options_.take_over >= 0) {
    arrival_ = TRY(Arrival::meet(options_.take_over, OUTBOARD_VERSION));
    store_ = TRY(Store::open(options_.state_dir, arrival_->take_lock()));
    socket_.emplace(ListeningSocket::adopt(arrival_->take_management()));
    return {};
  }
  store_ = TRY(Store::open(options_.state_dir));
  TRY(make_default_directory(options_, group));
  socket_.emplace(TRY(ListeningSocket::open(options_.socket, group)));
  return {};
}

base::Result<std::unique_ptr<Daemon>> Daemon::create(const Options& options, const Launcher& launcher) {
  std::unique_ptr<Daemon> daemon(new Daemon(options, launcher));
  if (auto made = daemon->make(); !made) {
    if (daemon->arrival_ != nullptr) daemon->arrival_->tell_failure(made.error());
    return tl::unexpected<base::Error>(made.error());
  }
  return daemon;
}

base::Result<void> Daemon::make() {
  TRY(take_places());
  notifier_ = Notifier::from_environment();
  // Nothing after this needs a capability; all threads are made after it.
  TRY(drop_capabilities());
  TRY(confine(options_.seccomp));
  TRY(make_reactors());
  return make_parts();
}

base::Result<void> Daemon::make_reactors() {
  if (!options_.cores.empty()) {
    TRY(check_cores(options_.cores));
  } else {
    options_.cores = TRY(choose_cores(options_.reactors));
  }
  hal::ReactorOptions control;
  control.name = "control";
  control.busy_poll = base::Duration::zero();
  control_ = TRY(hal::Reactor::create(control));
  for (std::size_t i = 0; i < options_.cores.size(); ++i) {
    hal::ReactorOptions data;
    data.name = fmt::format("data{}", i);
    data.core = options_.cores[i];
    data.busy_poll = options_.busy_poll;
    data.never_sleep = options_.never_sleep;
    data_.push_back(TRY(hal::Reactor::create(data)));
    data_.back()->index = static_cast<std::uint32_t>(i);
  }
  return {};
}

base::Result<void> Daemon::make_parts() {
  std::vector<hal::Reactor*> data;
  ServiceInfo info{OUTBOARD_VERSION, control_->now(), {}};
  for (const auto& reactor : data_) {
    data.push_back(reactor.get());
    info.reactors.push_back(fmt::format("core {}", reactor->options().core));
  }
  store_worker_ = std::make_unique<hal::Worker>("store");
  media_worker_ = std::make_unique<hal::Worker>("media");
  device_worker_ = std::make_unique<hal::Worker>("devices");
  metadata_ = TRY(scsi::MetadataStore::open(options_.state_dir + "/metadata"));
  tcp_ = soft::tcp::make_datamover();
  captures_ = std::make_unique<Captures>(*control_, data, *tcp_);
  scsi::CoreOptions core;
  core.metadata = metadata_.get();
  core.worker = media_worker_.get();
  core_ = std::make_unique<scsi::Core>(*control_, data, core);
  fabric_ = std::make_unique<iscsi::Fabric>(*core_, *tcp_, *control_, data);
  adapters_ = std::make_unique<Adapters>(options_.state_dir);
  fcp_ = std::make_unique<fcp::Fabric>(*core_, *control_, data);
  fc_ports_ = std::make_unique<FcPorts>(FcPorts::Parts{*control_, *device_worker_, data, *fcp_, *adapters_});
  engine_ = std::make_unique<Engine>(Engine::Parts{*control_, *media_worker_, *metadata_, *core_, *fabric_, *fcp_,
                                                   *fc_ports_, *device_worker_, *captures_});
  transactor_ = std::make_unique<Transactor>(*control_, *engine_, *store_, *store_worker_);
  service_ = std::make_unique<Service>(*control_, *engine_, *store_, *transactor_, std::move(info));
  dispatcher_ = std::make_unique<Dispatcher>(*service_, *control_);
  make_departure();
  signals_ = TRY(SignalWatch::create(*control_, [this](int signal) { signalled(signal); }));
  return {};
}

// What was stored; else the file that was named; else the default.
base::Result<Config> Daemon::first_config(bool& stored) {
  auto kept = TRY(store_->load());
  stored = kept.has_value();
  if (stored) {
    if (!options_.config.empty()) {
      kProcessLog.info("{} is not read: {} holds a configuration; change that with tgtctl apply", options_.config,
                       options_.state_dir);
    }
    return std::move(*kept);
  }
  if (options_.config.empty()) return parse_config(default_config(options_.state_dir), "built-in configuration");
  const std::string text = TRY(read_named_file(options_.config, kMaxFile, false));
  const Secret secrets(options_.secrets.empty() ? std::string()
                                                : TRY(read_named_file(options_.secrets, kMaxFile, true)));
  return parse_config(text, options_.config, {secrets.reveal(), options_.secrets});
}

int Daemon::run() {
  for (const auto& reactor : data_) {
    threads_.emplace_back([raw = reactor.get()] { raw->run(); });
  }
  control_->post_function([this] { arrival_ == nullptr ? begin() : take_over(); });
  control_->run();
  stop_data_reactors();
  settle();
  return exit_code_;
}

void Daemon::begin() {
  bool stored = false;
  auto config = first_config(stored);
  if (!config) return ready(tl::unexpected<base::Error>(config.error()));
  transactor_->start(std::move(*config), stored,
                     [this](const base::Result<Transactor::Report>& report) { ready(report); });
}

void Daemon::ready(const base::Result<Transactor::Report>& report) {
  if (report && arrival_ != nullptr) return arrival_->settled([this] { serve(); });
  if (report) return serve();
  if (arrival_ != nullptr) return arrival_->give_up(report.error());
  kProcessLog.error("{}", report.error().text);
  end(1);
}

void Daemon::serve() {
  if (ending_) return;
  if (arrival_ != nullptr) socket_->take_file(options_.socket);
  arrival_.reset();
  ServerOptions options;
  options.policy = policy_;
  auto server = Server::start(*control_, *dispatcher_, options, std::move(*socket_));
  if (!server) {
    kProcessLog.error("{}", server.error().text);
    return end(1);
  }
  server_ = std::move(*server);
  std::string portals;
  for (const std::string& address : fabric_->portal_addresses()) portals += (portals.empty() ? "" : ", ") + address;
  const Config& config = transactor_->config();
  kProcessLog.info(
      "{} serves {} logical units through {} targets on {} and {} Fibre Channel ports; {} reactors; managed on {}",
      OUTBOARD_VERSION, config.logical_units.size(), config.targets.size(), portals.empty() ? "no portal" : portals,
      config.fc_ports.size(), data_.size(), options_.socket);
  std::vector<hal::Reactor*> watched;
  for (const auto& reactor : data_) watched.push_back(reactor.get());
  watchdog_ = Watchdog::from_environment(*control_, std::move(watched), notifier_);
  notifier_.send(fmt::format("READY=1\nSTATUS={} logical units, {} targets, {} Fibre Channel ports at the start",
                             config.logical_units.size(), config.targets.size(), config.fc_ports.size()));
}

void Daemon::signalled(int signal) {
  if (gone_) leave(nullptr);
  if (arrival_ != nullptr) return arrival_->give_up({base::Errc::kBusy, "the new outboardd was asked to end"});
  if (ending_) {
    // What initiators were told is on the medium is there: ending like this is what a crash does, too.
    kProcessLog.warn("signal {} again: ending at once", signal);
    unlink(options_.socket.c_str());
    _exit(1);
  }
  departure_->call_off("outboardd was asked to end");
  kProcessLog.info("signal {}: asking initiators to log out, for at most {}", signal, format_duration(options_.grace));
  end(0);
}

void Daemon::end(int exit_code) {
  if (ending_) return;
  ending_ = true;
  exit_code_ = exit_code;
  notifier_.send("STOPPING=1\nSTATUS=asking initiators to log out");
  end_timer_.arm(control_->timers(), control_->now() + options_.grace + kEndLimit);
  server_.reset();
  socket_.reset();
  engine_->leave_name_services([this] {  // first of all: nobody is to find us any more
    fabric_->stop(options_.grace, [this](const base::Result<void>& result) {
      if (!result) kProcessLog.error("ending: {}", result.error().text);
      fc_ports_->stop([this](const base::Result<void>& off) {
        if (!off) kProcessLog.error("ending: {}", off.error().text);
        end_timer_.disarm();
        control_->stop();
      });
    });
  });
}

void Daemon::too_late(void*) {
  kProcessLog.error("the orderly end took too long: ending at once");
  _exit(1);
}

void Daemon::stop_data_reactors() {
  for (const auto& reactor : data_) reactor->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// Threads are gone; what they still owed each other is delivered here, so that no message finds its receiver destroyed.
void Daemon::settle() {
  const base::Time limit = base::RealClock().now() + kSettleLimit;
  store_worker_->drain();
  media_worker_->drain();
  device_worker_->drain();
  metadata_->drain();
  while (base::RealClock().now() < limit) {
    bool moved = control_->run_once();
    for (const auto& reactor : data_) moved |= reactor->run_once();
    if (!moved) return;
  }
  kProcessLog.error("messages are still on their way: ending at once");
  _exit(1);
}

Daemon::~Daemon() = default;

}  // namespace ctl
