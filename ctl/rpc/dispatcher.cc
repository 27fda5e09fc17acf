// Requests, notifications, batches and their errors.
#include "ctl/rpc/dispatcher.h"

#include <fmt/format.h>

#include "ctl/log.h"
#include "ctl/units.h"

namespace ctl {
namespace {

Json error_object(int code, const std::string& message, const Json& id) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}};
}

Json failure(const base::Error& error, const Json& id) {
  Json out = error_object(RpcError::kFailed, error.text, id);
  out["error"]["data"] = {{"code", base::errc_name(error.code)}};
  return out;
}

bool valid_id(const Json& id) { return id.is_string() || id.is_number() || id.is_null(); }

}  // namespace

std::string error_response(int code, const std::string& message, const Json& id) {
  return print_json(error_object(code, message, id));
}

void Dispatcher::handle(std::string_view text, const std::string& who, Answer answer) {
  const auto parsed = parse_json(text);
  if (!parsed) return answer(error_response(RpcError::kParse, parsed.error().text));
  const Json& request = *parsed;
  if (request.is_array() && (request.empty() || request.size() > kMaxBatch)) {
    return answer(error_response(RpcError::kInvalidRequest, fmt::format("a batch has 1 to {} requests", kMaxBatch)));
  }
  const std::uint64_t id = next_id_++;
  Batch& batch = batches_.try_emplace(id, *this).first->second;
  batch.id = id;
  batch.array = request.is_array();
  batch.answer = std::move(answer);
  batch.owed = batch.array ? request.size() : 1;
  batch.replies.resize(batch.owed);
  batch.ids.assign(batch.owed, Json(Json::value_t::discarded));
  batch.mark = control_.progress_mark();
  batch.timer.arm(reactor_.timers(), reactor_.now() + limit_);
  // One more is owed until all have been called: an answer may come at once and must not end the batch under our feet.
  ++batch.owed;
  for (std::size_t i = 0; i < batch.replies.size(); ++i) call(batch, i, batch.array ? request[i] : request, who);
  settle(batch, batch.replies.size(), nullptr);
}

void Dispatcher::call(Batch& batch, std::size_t index, const Json& request, const std::string& who) {
  const auto refuse = [&](int code, const std::string& message, const Json& id) {
    settle(batch, index, error_object(code, message, id));
  };
  if (!request.is_object()) return refuse(RpcError::kInvalidRequest, "a request is an object", nullptr);
  const bool notification = !request.contains("id");
  const Json id = notification ? Json() : request["id"];
  if (!valid_id(id)) return refuse(RpcError::kInvalidRequest, "id is text, a number or null", nullptr);
  const auto method_name = request.find("method");
  if (request.value("jsonrpc", Json()) != "2.0" || method_name == request.end() || !method_name->is_string()) {
    return refuse(RpcError::kInvalidRequest, "not a JSON-RPC 2.0 request", id);
  }
  const Method* const method = find_method(method_name->get_ref<const std::string&>());
  if (method == nullptr) {
    return notification ? settle(batch, index, nullptr) : refuse(RpcError::kMethodNotFound, "no such method", id);
  }
  const auto params = Params::from_json(method->params, request.value("params", Json::object()));
  if (!params) {
    return notification ? settle(batch, index, nullptr) : refuse(RpcError::kInvalidParams, params.error().text, id);
  }
  if (method->changes) kLog.info("{}: {} {}", who, method->name, params->describe());
  if (!notification) batch.ids[index] = id;
  batch.changes |= method->changes;
  (control_.*method->handler)(*params, [this, batch_id = batch.id, index, id, notification](base::Result<Json> result) {
    if (notification) return replied(batch_id, index, nullptr);
    replied(
        batch_id, index,
        result ? Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(*result)}} : failure(result.error(), id));
  });
}

void Dispatcher::replied(std::uint64_t batch_id, std::size_t index, Json reply) {
  const auto found = batches_.find(batch_id);
  if (found == batches_.end()) return;  // it was answered for: too late
  found->second.ids[index] = Json(Json::value_t::discarded);
  settle(found->second, index, std::move(reply));
}

void Dispatcher::settle(Batch& batch, std::size_t index, Json reply) {
  if (index < batch.replies.size()) batch.replies[index] = std::move(reply);
  if (--batch.owed > 0) return;
  std::string text;
  if (batch.array) {
    Json all = Json::array();
    for (Json& one : batch.replies) {
      if (!one.is_null()) all.push_back(std::move(one));
    }
    if (!all.empty()) text = print_json(all);
  } else if (!batch.replies[0].is_null()) {
    text = print_json(batch.replies[0]);
  }
  const Answer answer = std::move(batch.answer);
  batches_.erase(batch.id);
  answer(std::move(text));
}

void Dispatcher::late(void* context) {
  auto& batch = *static_cast<Batch*>(context);
  const std::uint64_t mark = batch.owner.control_.progress_mark();
  if (batch.changes && mark != batch.mark) {
    batch.mark = mark;
    return batch.timer.arm(batch.owner.reactor_.timers(), batch.owner.reactor_.now() + batch.owner.limit_);
  }
  const std::string text = "no answer within " + format_duration(batch.owner.limit_);
  kLog.error("{}", text);
  for (std::size_t i = 0; i < batch.replies.size(); ++i) {
    if (!batch.ids[i].is_discarded()) {
      batch.replies[i] = failure({base::Errc::kTimeout, text}, batch.ids[i]);
    }
  }
  batch.owed = 1;
  batch.owner.settle(batch, batch.replies.size(), nullptr);
}

}  // namespace ctl
