// Who shares a discovery domain with our targets: asked of the server (RFC 4171 5.6.5.2) in each round, and whenever it
// notifies us.
#include <algorithm>
#include <utility>

#include "ctl/isns/client.h"

namespace ctl::isns {
namespace {

constexpr base::Duration kGather = std::chrono::milliseconds(200);  // notifications come in groups
constexpr std::size_t kMaxName = 223;                               // RFC 7143 4.2.7.1

}  // namespace

// In the target's name: the server answers with what its discovery domains let the target see.
void Client::queue_queries() {
  for (const Offer::Node& node : offer_.nodes) {
    MessageWriter out;
    out.put(Tag::kIscsiName, node.name);
    out.put(Tag::kIscsiNodeType, kInitiatorNode);
    out.delimiter();
    out.put(Tag::kIscsiName, std::span<const std::byte>());
    queue(Function::kQuery, out, 0);
    requests_.back().node = node.name;
  }
}

void Client::take_initiators(const std::string& node, std::span<const std::byte> attributes) {
  std::vector<std::string>& names = heard_[node];
  AttributeReader reader(attributes);
  Attribute attribute;
  bool key = true;  // before the delimiter the answer repeats what was asked
  while (reader.next(attribute) == AttributeReader::Step::kAttribute) {
    if (attribute.tag == Tag::kDelimiter) key = false;
    const auto name = attribute.text();
    if (key || attribute.tag != Tag::kIscsiName || !name || name->empty() || name->size() > kMaxName) continue;
    // A name is compared as it is: none may be a pattern.
    if (name->find_first_of("*?") == std::string_view::npos) names.emplace_back(*name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

void Client::members_heard() {
  if (!server_.access_control || (members_ && *members_ == heard_)) return;
  members_ = heard_;
  if (told_) reactor_.post_function(told_);
}

void Client::domains_changed() {
  if (!server_.access_control || stopping_) return;
  if (state_ == State::kRegistered) {
    ask_only_ = true;
    timer_.disarm();
    timer_.arm(reactor_.timers(), reactor_.now() + kGather);
  } else {
    ask_again_ = true;
  }
}

Info Client::info() const {
  Info out{.server = server_.address,
           .entity = entity_,
           .state = state_,
           .registered = !registered_source_.empty(),
           .targets = offer_.nodes.size(),
           .last_error = last_error_,
           .error_age = last_error_.empty() ? base::Duration() : reactor_.now() - error_at_,
           .next_try = {},
           .inquiries = inquiries_,
           .notifications = notifications_,
           .access_control = server_.access_control,
           .members = members_};
  if (timer_.armed() && (state_ == State::kRegistered || state_ == State::kWaiting)) {
    out.next_try = std::max(timer_.deadline() - reactor_.now(), base::Duration::zero());
  }
  return out;
}

const char* state_name(State state) {
  switch (state) {
    case State::kIdle:
      return "nothing to register";
    case State::kConnecting:
      return "connecting";
    case State::kTalking:
      return "talking";
    case State::kRegistered:
      return "registered";
    case State::kWaiting:
      return "waiting to try again";
  }
  return "?";
}

}  // namespace ctl::isns
