// Questions on their way to RADIUS servers.
#include "ctl/radius/client.h"

#include <string.h>

#include <utility>

#include "base/log.h"
#include "base/random.h"

namespace ctl::radius {
namespace {

constexpr base::Logger kLog("radius");

}  // namespace

using iscsi::ChapVerdict;

Client::~Client() { explicit_bzero(secret_.data(), secret_.size()); }

base::Result<void> Client::use(iscsi::RadiusServers servers, std::string secret) {
  TRY(transport_.open(servers.addresses));
  give_up();
  explicit_bzero(secret_.data(), secret_.size());
  servers_ = std::move(servers);
  secret_ = std::move(secret);
  preferred_ = 0;
  return {};
}

void Client::give_up() {
  for (auto& question : questions_) {
    if (question != nullptr) finish(*question, ChapVerdict::kUnknown);
  }
}

void Client::verify(iscsi::ChapProof proof, std::function<void(ChapVerdict)> done) {
  if (servers_.addresses.empty() || asked_ == kMaxAsked) return answer_later(std::move(done), ChapVerdict::kUnknown);
  if (proof.user.empty() || proof.user.size() > kMaxName) return answer_later(std::move(done), ChapVerdict::kWrong);
  while (questions_[next_identifier_] != nullptr) ++next_identifier_;
  auto question = std::make_unique<Question>(*this);
  question->identifier = next_identifier_++;
  question->server = preferred_;
  question->proof = std::move(proof);
  question->done = std::move(done);
  if (!make_packet(*question)) return answer_later(std::move(question->done), ChapVerdict::kUnknown);
  Question& placed = *question;
  questions_[placed.identifier] = std::move(question);
  ++asked_;
  send(placed);
}

bool Client::make_packet(Question& question) {
  if (!base::secure_random(question.authenticator)) return false;
  auto packet =
      access_request(question.identifier, question.authenticator, question.proof, servers_.nas_identifier, secret_);
  if (!packet) return false;
  question.packet = std::move(*packet);
  return true;
}

void Client::send(Question& question) {
  ++question.sent;
  question.timer.arm(reactor_.timers(), reactor_.now() + servers_.timeout);
  transport_.send(question.server, question.packet);
}

// The same datagram again, so that a server knows it for the same question; then, as a new one, to the next server.
void Client::late(Question& question) {
  if (question.sent < servers_.tries) return send(question);
  complain(question.server, "does not answer");
  if (++question.servers_tried == servers_.addresses.size()) return finish(question, ChapVerdict::kUnknown);
  if (preferred_ == question.server) preferred_ = (preferred_ + 1) % servers_.addresses.size();
  question.server = (question.server + 1) % servers_.addresses.size();
  question.sent = 0;
  if (!make_packet(question)) return finish(question, ChapVerdict::kUnknown);
  send(question);
}

// An answer that is wrong in any way is as good as none: the right one may still come.
void Client::received(std::size_t server, std::span<const std::byte> packet) {
  if (packet.size() < 2) return complain(server, "sent a datagram that is no answer: too short");
  Question* const question = questions_[static_cast<std::size_t>(packet[1])].get();
  if (question == nullptr || question->server != server) return;  // late, or of nobody's asking
  const char* why = "";
  switch (read_answer(packet, question->identifier, question->authenticator, secret_, why)) {
    case Answer::kAccept:
      preferred_ = server;
      return finish(*question, ChapVerdict::kRight);
    case Answer::kReject:
      preferred_ = server;
      return finish(*question, ChapVerdict::kWrong);
    case Answer::kForged:
      return complain(server, why);
  }
}

void Client::finish(Question& question, ChapVerdict verdict) {
  const std::unique_ptr<Question> gone = std::move(questions_[question.identifier]);
  --asked_;
  answer_later(std::move(gone->done), verdict);
}

void Client::answer_later(std::function<void(ChapVerdict)> done, ChapVerdict verdict) {
  reactor_.post_function([run = std::move(done), verdict] { run(verdict); });
}

void Client::complain(std::size_t server, const char* what) {
  if (!log_budget_.allow(reactor_.now())) return;
  const std::string& address = server < servers_.addresses.size() ? servers_.addresses[server] : std::string("?");
  kLog.warn("RADIUS server {}: {} ({} lines suppressed)", address, what, log_budget_.suppressed());
}

}  // namespace ctl::radius
