// Talking JSON-RPC over the management socket.
#include "ctl/libtgt/client.h"

#include <string.h>

#include <algorithm>

namespace ctl {
namespace {

base::Errc errc_by_name(const std::string& name) {
  for (int code = 0; code <= static_cast<int>(base::Errc::kDenied); ++code) {
    if (name == base::errc_name(static_cast<base::Errc>(code))) return static_cast<base::Errc>(code);
  }
  return base::Errc::kInvalid;
}

constexpr auto kPatience = std::chrono::milliseconds(400);  // before the first look at the progress
constexpr auto kPause = std::chrono::milliseconds(150);     // between two

std::string request(std::uint64_t id, const std::string& method, const Json& params) {
  return print_json({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) + "\n";
}

tl::unexpected<base::Error> not_rpc() { return base::fail(base::Errc::kIo, "the daemon's answer is not JSON-RPC"); }

base::Result<Json> result_of(const Json& response) {
  const auto result = response.find("result");
  if (result != response.end()) return *result;
  const auto error = response.find("error");
  if (error == response.end() || !error->is_object()) return not_rpc();
  const Json message = error->value("message", Json()), data = error->value("data", Json::object());
  const Json code = data.is_object() ? data.value("code", Json()) : Json();
  return base::fail(code.is_string() ? errc_by_name(code.get<std::string>()) : base::Errc::kInvalid,
                    message.is_string() ? message.get<std::string>() : "refused without a reason");
}

}  // namespace

base::Result<Client> Client::connect(const std::string& path) {
  return Client(TRY(LineSocket::connect(path, "outboardd")));
}

base::Result<Json> Client::call(const std::string& method, const Json& params, std::chrono::milliseconds limit) {
  const std::uint64_t id = next_id_++;
  const auto response = exchange(request(id, method, params), id, limit);
  broken_ |= !response;
  return response ? result_of(*response) : tl::unexpected<base::Error>(response.error());
}

// The response object, whether it says result or error.
base::Result<Json> Client::exchange(std::string text, std::uint64_t id, std::chrono::milliseconds limit) {
  const auto sent = socket_.send(text, std::chrono::steady_clock::now() + limit);
  explicit_bzero(text.data(), text.size());  // it may hold a secret
  // A daemon that refuses us says why and closes: what it said is worth more than a broken pipe.
  auto response = wait(id, sent ? limit : std::chrono::milliseconds(1000));
  if (!response && !sent) return tl::unexpected<base::Error>(sent.error());
  return response;
}

base::Result<Json> Client::wait(std::uint64_t id, std::chrono::milliseconds limit) {
  auto now = std::chrono::steady_clock::now();
  auto deadline = now + limit, next_look = now + kPatience;
  for (;;) {
    const bool looks = told_ && asked_ == 0;
    const auto line = socket_.read_line(looks ? std::min(deadline, next_look) : deadline);
    now = std::chrono::steady_clock::now();
    if (!line) {
      if (line.error().code != base::Errc::kTimeout || !looks || now >= deadline) {
        return tl::unexpected<base::Error>(line.error());
      }
      TRY(ask_progress(deadline));
      continue;
    }
    auto response = parse_json(*line);
    if (!response || !response->is_object()) return not_rpc();
    const Json of = response->value("id", Json());
    if (asked_ != 0 && of == asked_) {
      if (take_progress(*response)) deadline = now + limit;
      next_look = now + kPause;
      continue;
    }
    if (of == id || response->contains("error")) return std::move(*response);
    return base::fail(base::Errc::kIo, "the daemon answered another request");
  }
}

base::Result<void> Client::ask_progress(LineSocket::Deadline deadline) {
  asked_ = next_id_++;
  return socket_.send(request(asked_, "progress", Json::object()), deadline);
}

// True when there is some. A daemon that knows no progress is not asked again.
bool Client::take_progress(const Json& response) {
  asked_ = 0;
  const auto result = response.find("result");
  if (result == response.end()) told_ = nullptr;
  if (!told_ || *result == progress_) return false;
  progress_ = *result;
  told_(progress_);
  return true;
}

}  // namespace ctl
