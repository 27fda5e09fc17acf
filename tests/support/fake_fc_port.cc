// The control part of a FakeFcPort: link, logins, the name server.
#include "tests/support/fake_fc_port.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "hal/port/fc_ct.h"

namespace test_support {

using hal::fc::LinkServiceKind;
using hal::fc::LoginId;
using Service = FcInitiator::Service;

// --- FcInitiator

void FcInitiator::ask(LinkServiceKind kind, std::uint32_t parameters) {
  last_ = Service::kWaiting;
  port_.later([this, kind, parameters] { port_.link_service(*this, kind, parameters); });
}

void FcInitiator::log_in() {
  prli_follows_ = true;
  ask(LinkServiceKind::kPlogi);
}

FcCommand& FcInitiator::send(FcRequest request) {
  commands_.push_back(std::make_unique<FcCommand>());
  FcCommand& command = *commands_.back();
  command.initiator = this;
  command.request = std::move(request);
  command.ox_id = next_ox_id_++;
  if (!open()) {
    command.reply.over = true;
    command.reply.status = 8;  // BUSY
    return command;
  }
  command.login = *login_;
  port_.queue_of(command.login).deliver(command);
  return command;
}

void FcInitiator::abort(FcCommand& command) {
  port_.later([this, &command] {
    if (!command.reply.over) port_.queue_of(command.login).abort(command);
  });
}

void FcInitiator::vanish() {
  port_.later([this] { port_.end_if_live(*this); });
}

// --- FakeFcPort

FakeFcPort::FakeFcPort(std::vector<hal::Reactor*> queues, hal::fc::Wwn name, std::uint32_t exchanges)
    : reactor_(*queues.front()), name_(name) {
  for (hal::Reactor* reactor : queues) queues_.push_back(std::make_unique<FakeFcQueue>(*reactor, exchanges));
  reactor_.add(*this);
}

FakeFcPort::~FakeFcPort() {
  reactor_.remove(*this);
  EXPECT_TRUE(logins_.empty()) << "a login was never released";
  EXPECT_TRUE(events_.empty());
}

FcInitiator& FakeFcPort::initiator(hal::fc::Wwn name, hal::fc::PortId id) {
  initiators_.push_back(
      std::make_unique<FcInitiator>(*this, hal::fc::RemotePort{id, name, hal::fc::Wwn{name.raw & 0x0fffffffffffffff}}));
  return *initiators_.back();
}

FakeFcQueue& FakeFcPort::queue_of(LoginId login) { return *queues_[hal::fc::FcPort::queue_of(login, queues_.size())]; }

std::vector<hal::fc::FcQueue*> FakeFcPort::queues() {
  std::vector<hal::fc::FcQueue*> out;
  for (const auto& queue : queues_) out.push_back(queue.get());
  return out;
}

void FakeFcPort::light(bool on, hal::fc::Topology topology) {
  later([this, on, topology] {
    if (user_ == nullptr || light_ == on) return;
    light_ = on;
    link_ = {.topology = topology, .id = {0x010100}, .fabric_name = {0x100000051e000001}, .peer = peer, .gigabits = 8};
    if (on) return user_->link_up(link_);
    user_->link_down();
  });
}

void FakeFcPort::fail_adapter(const std::string& reason, bool recovers) {
  later([this, reason, recovers] {
    forget_held();
    user_->adapter_failed(reason, recovers);
    for (const auto& initiator : initiators_) end_if_live(*initiator);
  });
}

void FakeFcPort::receive_rscn(std::vector<std::byte> pages) {
  later([this, pages = std::move(pages)] { user_->state_changed(pages); });
}

void FakeFcPort::start(hal::fc::FcPortUser& user) {
  EXPECT_EQ(user_, nullptr) << "started twice";
  user_ = &user;
}

void FakeFcPort::stop(std::function<void()> done) {
  EXPECT_NE(user_, nullptr) << "stopped twice";
  stopped_ = std::move(done);
  later([this] {
    forget_held();
    light_ = false;
    for (const auto& initiator : initiators_) end_if_live(*initiator);
  });
}

// Off the link, their exchanges are over: answers that are still to come go nowhere.
void FakeFcPort::forget_held() {
  for (const auto& [id, held] : held_) forgotten_.insert(id);
  held_.clear();
}

void FakeFcPort::link_service(FcInitiator& from, LinkServiceKind kind, std::uint32_t parameters) {
  if (user_ == nullptr || stopped_ || !light_) return;
  const bool ends = kind == LinkServiceKind::kPlogi || kind == LinkServiceKind::kPrli ||
                    kind == LinkServiceKind::kLogo || kind == LinkServiceKind::kPrlo;
  if (ends) end_if_live(from);
  const std::uint32_t id = next_service_++;
  held_[id] = {&from, kind, parameters};
  user_->link_service_received({.id = id, .kind = kind, .from = from.who_, .service_parameters = parameters});
}

void FakeFcPort::answer(std::uint32_t link_service, const hal::fc::LinkServiceAnswer& answer) {
  const auto held = held_.find(link_service);
  if (forgotten_.erase(link_service) != 0) return;
  if (held == held_.end()) {
    ADD_FAILURE() << "a link service was answered twice, or never asked";
    return;
  }
  const auto [from, kind, parameters] = held->second;
  held_.erase(held);
  from->last_ = answer.accept ? Service::kAccepted : Service::kRejected;
  from->answer_ = answer;
  if (!answer.accept) {
    from->prli_follows_ = false;
  } else if (kind == LinkServiceKind::kPlogi && std::exchange(from->prli_follows_, false)) {
    from->ask(LinkServiceKind::kPrli);
  } else if (kind == LinkServiceKind::kPrli) {
    later([this, to = from, params = parameters] {
      if (user_ == nullptr || stopped_) return;
      LoginId login = 0;
      while (logins_.contains(login)) ++login;
      logins_[login] = {to};
      to->login_ = login;
      to->open_ = false;
      user_->logged_in(login, to->who_, params);
    });
  }
}

void FakeFcPort::open_login(LoginId login) {
  const auto at = logins_.find(login);
  ASSERT_NE(at, logins_.end());
  EXPECT_FALSE(at->second.open) << "opened twice";
  at->second.open = true;
  if (!at->second.ended) at->second.initiator->open_ = true;
}

void FakeFcPort::end_login(LoginId login) {
  const auto at = logins_.find(login);
  ASSERT_NE(at, logins_.end());
  later([this, login] {
    const auto now = logins_.find(login);
    if (now == logins_.end() || now->second.ended) return;
    ++now->second.initiator->logouts_;
    end(login);
  });
}

void FakeFcPort::end(LoginId login) {
  Login& ending = logins_.at(login);
  ending.ended = true;
  ending.initiator->login_.reset();
  ending.initiator->open_ = false;
  queue_of(login).login_over(login);
  user_->login_ended(login);
}

void FakeFcPort::end_if_live(FcInitiator& initiator) {
  if (initiator.login_) end(*initiator.login_);
}

void FakeFcPort::release_login(LoginId login) {
  const auto at = logins_.find(login);
  ASSERT_NE(at, logins_.end()) << "released twice";
  EXPECT_TRUE(at->second.ended) << "released while it lives";
  EXPECT_TRUE(queue_of(login).idle(login)) << "released with exchanges";
  logins_.erase(at);
}

void FakeFcPort::log_in(hal::fc::PortId port) {
  if (port == peer.id && port.raw != 0) {
    const bool refused = ++peer_logins <= peer_refuses;
    return later([this, port, refused] {
      if (user_ != nullptr)
        user_->login_answered(port, refused ? base::fail(base::Errc::kIo, "busy") : base::Result<void>());
    });
  }
  EXPECT_EQ(port, hal::fc::kNameServer);
  ++name_server_logins;
  if (name_server_silent) return;
  later([this, port] {
    if (user_ == nullptr) return;
    base::Result<void> result;
    if (name_server_refuses) result = base::fail(base::Errc::kDenied, "LS_RJT");
    user_->login_answered(port, std::move(result));
  });
}

base::Result<void> FakeFcPort::send_ct(std::uint32_t id, hal::fc::PortId server, std::span<const std::byte> request,
                                       base::Duration) {
  EXPECT_EQ(server, hal::fc::kNameServer);
  EXPECT_LE(request.size(), kMaxCtBytes);
  EXPECT_GE(request.size(), sizeof(hal::fc::CtHeader));
  ct_requests.emplace_back(request.begin(), request.end());
  if (!light_) return base::fail(base::Errc::kBusy, "the link is down");
  if (name_server_silent) return {};
  hal::fc::CtHeader header;
  std::memcpy(&header, request.data(), sizeof header);
  const auto reject = ct_rejects.find(header.command);
  header.command = reject == ct_rejects.end() ? hal::fc::CtHeader::kAccept : hal::fc::CtHeader::kReject;
  header.reason = reject == ct_rejects.end() ? std::uint8_t{0} : reject->second;
  later([this, id, header, status = ct_status] {
    if (user_ == nullptr) return;
    const bool done = status == hal::fc::CtStatus::kDone;
    user_->ct_answered(id, status, std::as_bytes(std::span(&header, done ? 1 : 0)));
  });
  return {};
}

void FakeFcPort::report_state_change() {
  EXPECT_TRUE(light_ && link_.topology == hal::fc::Topology::kFabric) << "an RSCN without a fabric";
  ++state_reports;
  if (!holds_state_reports) answer_state_report();
}

void FakeFcPort::answer_state_report() {
  later([this] {
    if (user_ == nullptr) return;
    base::Result<void> result;
    if (refuses_state_reports) result = base::fail(base::Errc::kDenied, "LS_RJT");
    user_->state_change_reported(std::move(result));
  });
}

hal::fc::PortInfo FakeFcPort::info() const {
  hal::fc::PortInfo info;
  info.name = "fake";
  info.model = "by hand";
  info.state = user_ == nullptr ? "offline" : "online";
  info.port_name = name_;
  info.node_name = {name_.raw & 0x0fffffffffffffff};
  info.link = light_;
  info.where = link_;
  info.logins = static_cast<std::uint32_t>(logins_.size());
  return info;
}

bool FakeFcPort::poll() {
  if (!events_.empty()) {
    const std::function<void()> event = std::move(events_.front());
    events_.pop_front();
    event();
    return true;
  }
  if (!stopped_ || !logins_.empty()) return false;
  user_ = nullptr;
  std::exchange(stopped_, nullptr)();
  return true;
}

}  // namespace test_support
