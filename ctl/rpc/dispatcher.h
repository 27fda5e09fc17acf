// JSON-RPC 2.0: from the text of one request or batch to the text of its answer. Knows no sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "ctl/rpc/methods.h"
#include "hal/reactor.h"

namespace ctl {

inline constexpr std::size_t kMaxRequest = std::size_t{16}
                                           << 20;  // bytes; a configuration of 10,000 units has two million
inline constexpr std::size_t kMaxBatch = 64;

struct RpcError {  // JSON-RPC 2.0 section 5.1
  static constexpr int kParse = -32700;
  static constexpr int kInvalidRequest = -32600;
  static constexpr int kMethodNotFound = -32601;
  static constexpr int kInvalidParams = -32602;
  static constexpr int kInternal = -32603;
  static constexpr int kFailed = -32000;  // the method failed; data.code names the base::Errc
};

// {"jsonrpc":"2.0","id":...,"error":{...}} as text.
std::string error_response(int code, const std::string& message, const Json& id = nullptr);

class Dispatcher {
 public:
  // Called exactly once; empty when nothing is to be sent (notifications).
  using Answer = std::function<void(std::string)>;

  // Outlives every handler's reply. A method that does not answer within `limit` is answered for; a change, when for so
  // long nothing got done.
  Dispatcher(Control& control, hal::Reactor& reactor, base::Duration limit = std::chrono::minutes(5))
      : control_(control), reactor_(reactor), limit_(limit) {}
  // `who` is written to the log with each change: "uid 0, pid 4711".
  void handle(std::string_view text, const std::string& who, Answer answer);

 private:
  struct Batch {
    explicit Batch(Dispatcher& dispatcher) : owner(dispatcher) {}
    Dispatcher& owner;
    std::uint64_t id = 0;
    bool array = false;
    std::vector<Json> replies;  // null: a notification, or not answered yet
    std::vector<Json> ids;      // of those whose answer is owed; discarded: none is, or not any more
    std::size_t owed = 0;
    bool changes = false;    // one of its methods does
    std::uint64_t mark = 0;  // Control::progress_mark() when its limit began
    Answer answer;
    hal::Timer timer{&Dispatcher::late, this};
  };
  void call(Batch& batch, std::size_t index, const Json& request, const std::string& who);
  void replied(std::uint64_t batch_id, std::size_t index, Json reply);
  void settle(Batch& batch, std::size_t index, Json reply);
  static void late(void* context);

  Control& control_;
  hal::Reactor& reactor_;
  base::Duration limit_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Batch> batches_;
};

}  // namespace ctl
