// Rounds of requests to an iSNS server, and its own questions.
#include "ctl/isns/client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/cursor.h"

namespace ctl::isns {
namespace {

constexpr base::Duration kAnswerLimit = std::chrono::seconds(10);  // of one connect or request
constexpr base::Duration kStopLimit = std::chrono::seconds(2);
constexpr base::Duration kFirstRetry = std::chrono::seconds(2), kLastRetry = std::chrono::seconds(60);
constexpr base::Duration kLeastPeriod = std::chrono::seconds(15);
constexpr std::uint32_t kSuccess = 0, kSourceUnknown = 6, kNoSuchEntry = 9;

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "outboard";
}

}  // namespace

Offer offer_of(const iscsi::FabricConfig& fabric, const std::vector<std::string>& addresses) {
  Offer offer;
  offer.portals = fabric.portals;
  for (std::size_t i = 0; i < std::min(addresses.size(), offer.portals.size()); ++i) {
    offer.portals[i].address = addresses[i];  // with their real ports
  }
  for (const iscsi::Target& target : fabric.targets) {
    offer.nodes.push_back({.name = target.name, .alias = target.alias, .portal_groups = target.portal_groups});
  }
  return offer;
}

Client::Client(hal::Reactor& reactor, iscsi::IsnsServer server, std::unique_ptr<Link> link)
    : reactor_(reactor), server_(std::move(server)), link_(std::move(link)), period_(server_.period) {
  entity_ = server_.entity.empty() ? host_name() : server_.entity;
  link_->set_events(*this);
}

void Client::offer(Offer offer) {
  if (stopping_ || (offer == offer_ && !registered_source_.empty())) return;
  offer_ = std::move(offer);
  fresh_ = true;
  ask_only_ = false;
  retry_ = {};
  begin_round();
}

// --- rounds ---

void Client::begin_round() {
  link_->close();
  requests_.clear();
  heard_.clear();
  ask_again_ = false;
  reader_ = {};
  timer_.disarm();
  if (offer_.nodes.empty() && registered_source_.empty()) {
    state_ = State::kIdle;
    return;
  }
  state_ = State::kConnecting;
  timer_.arm(reactor_.timers(), reactor_.now() + kAnswerLimit);
  link_->connect();
}

void Client::connected() {
  if (state_ != State::kConnecting) return;
  state_ = State::kTalking;
  if (stopping_ || offer_.nodes.empty()) {
    MessageWriter out;
    out.put(Tag::kIscsiName, registered_source_);
    out.delimiter();
    out.put(Tag::kEntityIdentifier, entity_);
    queue(Function::kDeregister, out, 0);
  } else {
    registers_ = fresh_ || !ask_only_;
    if (registers_) queue_registration();
    if (server_.access_control) queue_queries();
  }
  ask_only_ = false;
  send_next();
}

void Client::send_next() {
  if (requests_.empty()) return round_over();
  if (!stopping_) timer_.arm(reactor_.timers(), reactor_.now() + kAnswerLimit);  // else stop() has set a limit to all
  link_->send(requests_.front().message);
}

void Client::round_over() {
  link_->close();
  retry_ = {};
  timer_.disarm();
  if (stopping_ || offer_.nodes.empty()) {
    registered_source_.clear();
    state_ = State::kIdle;
    return finish_stop();
  }
  if (fresh_) {
    kLog.info("{}: {} targets registered as {}", server_.address, offer_.nodes.size(), entity_);
  }
  fresh_ = false;
  registered_source_ = offer_.nodes.front().name;
  state_ = State::kRegistered;
  if (registers_) refresh_at_ = reactor_.now() + period_ / 3;
  timer_.arm(reactor_.timers(), refresh_at_);
  members_heard();
  if (ask_again_) domains_changed();
}

void Client::failed(const std::string& why) {
  link_->close();
  if (stopping_) return finish_stop();
  last_error_ = why;
  error_at_ = reactor_.now();
  if (log_budget_.allow(reactor_.now())) {
    kLog.warn("iSNS server {}: {} ({} lines suppressed)", server_.address, why, log_budget_.suppressed());
  }
  requests_.clear();
  state_ = State::kWaiting;
  retry_ = std::clamp(retry_ * 2, kFirstRetry, kLastRetry);
  timer_.arm(reactor_.timers(), reactor_.now() + retry_);
}

void Client::timer() {
  if (stopping_) return finish_stop();
  switch (state_) {
    case State::kConnecting:
    case State::kTalking:
      return failed("no answer in time");
    case State::kRegistered:
    case State::kWaiting:
      return begin_round();
    case State::kIdle:
      return;
  }
}

void Client::stop(std::function<void()> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  if (registered_source_.empty() && state_ != State::kTalking) {
    link_->close();
    return finish_stop();
  }
  if (registered_source_.empty()) registered_source_ = offer_.nodes.front().name;  // perhaps it is by now
  begin_round();
  timer_.arm(reactor_.timers(), reactor_.now() + kStopLimit);
}

void Client::finish_stop() {
  timer_.disarm();
  link_->close();
  state_ = State::kIdle;
  if (stopped_) reactor_.post_function(std::exchange(stopped_, nullptr));
}

// --- answers ---

void Client::received(std::span<const std::byte> bytes) {
  reader_.feed(bytes);
  MessageReader::Message message;
  while (state_ == State::kTalking) {
    switch (reader_.next(message)) {
      case MessageReader::Step::kMore:
        return;
      case MessageReader::Step::kMalformed:
        return failed("sent something that is no iSNS message");
      case MessageReader::Step::kMessage:
        take_answer(message);
        break;
    }
  }
}

void Client::take_answer(const MessageReader::Message& message) {
  const Request& asked = requests_.front();
  const auto wanted = static_cast<std::uint16_t>(static_cast<std::uint16_t>(asked.function) | kResponse);
  if (message.header.transaction != asked.transaction) return;  // to one that we gave up
  if (message.header.function != wanted || message.payload.size() < 4) {
    return failed("gave an answer to something else");
  }
  base::be32 status;
  std::copy_n(message.payload.begin(), sizeof status, reinterpret_cast<std::byte*>(&status));
  const bool nobody = asked.function == Function::kQuery && status == kNoSuchEntry;
  if (status != kSuccess && !nobody) {
    if (status == kSourceUnknown || status == kNoSuchEntry) fresh_ = true;  // it has forgotten us
    return failed(std::string("refused a request: ") + status_name(status));
  }
  const auto attributes = std::span<const std::byte>(message.payload).subspan(4);
  if (!well_formed(attributes)) return failed("sent attributes that do not fit");
  if (asked.function == Function::kRegister) take_period(attributes);
  if (asked.function == Function::kQuery) take_initiators(asked.node, attributes);
  requests_.pop_front();
  send_next();
}

// The server may want to hear of us more often than we offered.
void Client::take_period(std::span<const std::byte> attributes) {
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.next(attribute) == AttributeReader::Step::kAttribute) {
    if (attribute.tag != Tag::kRegistrationPeriod) continue;
    const auto seconds = attribute.number();
    if (!seconds || *seconds == 0) continue;
    period_ = std::clamp<base::Duration>(std::chrono::seconds(*seconds), kLeastPeriod,
                                         std::max<base::Duration>(server_.period, kLeastPeriod));
  }
}

void Client::closed(const std::string& why) {
  if (state_ == State::kConnecting || state_ == State::kTalking) failed(why);
}

// --- what the server asks ---

// An inquiry is echoed (5.7.5.13), a notification is answered with whom it was for (5.7.5.8).
std::vector<std::byte> Client::asked(std::span<const std::byte> datagram) {
  const auto header = base::Reader(datagram).read<Header>();
  if (!header || header->version != 1 || header->length != datagram.size() - sizeof(Header)) return {};
  if ((header->flags & kFirst) == 0 || (header->flags & kLast) == 0) return {};
  const auto payload = datagram.subspan(sizeof(Header));
  if (!well_formed(payload)) return {};
  AttributeReader reader(payload);
  Attribute first;
  if (reader.next(first) != AttributeReader::Step::kAttribute) return {};
  MessageWriter out;
  out.status(kSuccess);
  if (header->function == static_cast<std::uint16_t>(Function::kEsi)) {
    ++inquiries_;
    out.raw(payload);
  } else if (header->function == static_cast<std::uint16_t>(Function::kScn) && first.tag == Tag::kIscsiName) {
    ++notifications_;
    domains_changed();
    out.put(first.tag, first.value);
  } else {
    return {};
  }
  if (!out.fits()) return {};
  return out.take(static_cast<std::uint16_t>(header->function | kResponse), kFromClient, header->transaction);
}

}  // namespace ctl::isns
