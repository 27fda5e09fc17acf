// Talking JSON-RPC over the management socket.
#include "ctl/libtgt/client.h"

#include <string.h>

namespace ctl {
namespace {

base::Errc errc_by_name(const std::string& name) {
  for (int code = 0; code <= static_cast<int>(base::Errc::kDenied); ++code) {
    if (name == base::errc_name(static_cast<base::Errc>(code))) return static_cast<base::Errc>(code);
  }
  return base::Errc::kInvalid;
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
  std::string text = print_json({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}) + "\n";
  const auto response = exchange(std::move(text), id, std::chrono::steady_clock::now() + limit);
  broken_ |= !response;
  return response ? result_of(*response) : tl::unexpected<base::Error>(response.error());
}

// The response object, whether it says result or error.
base::Result<Json> Client::exchange(std::string text, std::uint64_t id, LineSocket::Deadline deadline) {
  const auto sent = socket_.send(text, deadline);
  explicit_bzero(text.data(), text.size());  // it may hold a secret
  // A daemon that refuses us says why and closes: what it said is worth more than a broken pipe.
  const auto line = socket_.read_line(deadline);
  if (!line) return tl::unexpected<base::Error>(sent ? line.error() : sent.error());
  auto response = parse_json(*line);
  if (!response || !response->is_object()) return not_rpc();
  if (response->value("id", Json()) != id && !response->contains("error")) {
    return base::fail(base::Errc::kIo, "the daemon answered another request");
  }
  return std::move(*response);
}

}  // namespace ctl
