// Putting a storage network together, and keeping it moving.
#include "emu/tool/san.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

namespace emu::tool {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(4);
constexpr std::uint64_t kFirstName = 0x21000024ff000000;
constexpr std::uint64_t kNodeBits = 0x0100000000000000;  // a node name differs from its port name in these

hal::fc::Wwn name_of(const Options& options, unsigned number) {
  return number < options.names.size() ? options.names[number] : hal::fc::Wwn{kFirstName + number};
}

}  // namespace

base::Result<std::unique_ptr<San>> San::create(hal::Reactor& reactor, const base::Clock& clock,
                                               const Options& options) {
  std::unique_ptr<San> san(new San(reactor, clock));
  TRY(san->build(options));
  return san;
}

base::Result<void> San::build(const Options& options) {
  const qla::Chip* chip = qla::find_chip(options.chip);
  if (chip == nullptr) chip = qla::find_chip("ISP" + options.chip);
  if (chip == nullptr) return base::fail(base::Errc::kNotFound, "there is no model of a " + options.chip);
  if (mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return base::fail_errno("make " + options.directory);
  }
  if (!options.capture.empty()) capture_ = TRY(fc::Capture::create(options.capture));
  connect(options);
  for (unsigned i = 0; i < options.hbas; ++i) {
    Hba& hba = hbas_.emplace_back();
    hba.name = name_of(options, i);
    hba.socket = fmt::format("{}/hba{}.sock", options.directory, i);
    hba.link = &link_of(options, i);
    hba.host = std::make_unique<ServedHost>(reactor_, clock_, fmt::format("hba{}", i));
    const qla::Factory factory{.port_name = hba.name, .node_name = {hba.name.raw ^ kNodeBits}};
    hba.model = std::make_unique<qla::Model>(*hba.host, *chip, factory, wire_of(options, i));
    hba.host->attach(*hba.model);
    TRY(hba.host->listen(hba.socket));
    reactor_.add(*hba.host);
  }
  if (options.ram_target > 0) add_ram_target(options);
  reactor_.add(*this);
  tick(this);
  return {};
}

void San::add_ram_target(const Options& options) {
  const unsigned last = options.hbas;
  const auto connection = options.topology == Topology::kLoop ? fc::Connection::kLoop : fc::Connection::kPointToPoint;
  ram_target_ =
      std::make_unique<RamTarget>(wire_of(options, last), name_of(options, last), connection, options.ram_target);
  ram_target_->start();
}

fc::Link& San::link_of(const Options& options, unsigned port) {
  return *links_[options.topology == Topology::kPointToPoint ? 0 : port];
}

Wire& San::wire_of(const Options& options, unsigned port) {
  return link_of(options, port).end(options.topology == Topology::kPointToPoint ? port : 0);
}

void San::connect(const Options& options) {
  if (options.topology == Topology::kPointToPoint) {
    add_link(options, options.ram_target > 0 ? "hba0-ram" : "hba0-hba1");
    return;
  }
  if (options.topology == Topology::kFabric) switch_ = std::make_unique<fc::Switch>(fc::SwitchOptions{});
  if (options.topology == Topology::kLoop) hub_ = std::make_unique<fc::LoopHub>();
  for (unsigned i = 0; i < ports(options); ++i) {
    fc::Link& link = add_link(options, i < options.hbas ? fmt::format("hba{}", i) : "ram");
    if (switch_ != nullptr) switch_->add_port(link.end(1));
    if (hub_ != nullptr) hub_->add(link.end(1));
  }
}

fc::Link& San::add_link(const Options& options, const std::string& name) {
  fc::LinkOptions made;
  made.name = name;
  made.seed = options.seed + links_.size();
  fc::Link& link = *links_.emplace_back(std::make_unique<fc::Link>(made));
  const fc::LinkFaults& faults = options.faults;
  if ((faults.drop | faults.delay | faults.reorder | faults.bounce) != 0) link.set_faults(faults);
  if (capture_ != nullptr) link.set_capture(capture_.get());
  return link;
}

San::~San() {
  if (linked()) unlink();
}

bool San::poll() {
  const base::Time now = clock_.now();
  bool worked = false;
  for (const auto& link : links_) worked |= link->poll(now);
  if (switch_ != nullptr) worked |= switch_->poll(now);
  if (hub_ != nullptr) worked |= hub_->poll();
  if (ram_target_ != nullptr) worked |= ram_target_->poll(now);
  return worked;
}

void San::tick(void* san) {
  San& self = *static_cast<San*>(san);
  self.tick_.arm(self.reactor_.timers(), self.clock_.now() + kTick);
}

std::uint64_t San::faults() const {
  std::uint64_t faults = 0;
  for (const Hba& hba : hbas_) faults += hba.host->faults();
  return faults;
}

}  // namespace emu::tool
