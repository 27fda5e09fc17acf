// Clients of the management socket.
#include "ctl/rpc/server.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "ctl/log.h"

namespace ctl {

class Server::Client final : public hal::FdHandler {
 public:
  Client(Server& server, std::uint64_t id, Fd socket, const Caller& caller)
      : server_(server), id_(id), fd_(std::move(socket)), who_(caller.describe()) {}
  ~Client() override {
    server_.reactor_.unwatch(fd_.get(), *this);
    explicit_bzero(input_.data(), input_.size());
  }
  base::Result<void> start() { return server_.reactor_.watch(fd_.get(), EPOLLIN, *this); }
  void answered(const std::string& text);

 private:
  void fd_ready(std::uint32_t events) override;
  bool read_some();
  void take_requests();
  void handle(std::string_view line);
  bool write_some();
  void watch_again();
  void drop(const char* why);
  static void stalled(void* context);

  Server& server_;
  std::uint64_t id_;
  Fd fd_;
  std::string who_;
  std::string input_, output_;
  std::size_t sent_ = 0;  // of output_
  std::size_t owed_ = 0;
  bool closing_ = false;     // no more is read; closed once everything is written
  bool overflowed_ = false;  // nothing more is written either
  std::uint32_t watched_ = EPOLLIN;
  hal::Timer timer_{&Client::stalled, this};  // armed while output waits
};

void Server::Client::fd_ready(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && (watched_ & EPOLLIN) != 0 && !read_some())
    return drop(nullptr);
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (watched_ & EPOLLIN) == 0) return drop(nullptr);
  take_requests();
  if (!write_some()) return drop(nullptr);
  if (closing_ && owed_ == 0 && output_.empty()) return drop(nullptr);
  watch_again();
}

// False when the client is gone.
bool Server::Client::read_some() {
  std::array<char, 65536> chunk;
  const ssize_t n = read(fd_.get(), chunk.data(), chunk.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) closing_ = true;  // it may have half-closed after its last request
  input_.append(chunk.data(), static_cast<std::size_t>(n));
  explicit_bzero(chunk.data(), static_cast<std::size_t>(n));
  return true;
}

void Server::Client::take_requests() {
  std::size_t begin = 0;
  while (owed_ < server_.options_.max_owed) {
    const std::size_t end = input_.find('\n', begin);
    const std::size_t length = (end == std::string::npos ? input_.size() : end) - begin;
    if (length > kMaxRequest) {
      output_ += error_response(RpcError::kInvalidRequest, "a request has at most 16 MiB") + "\n";
      closing_ = true;
      begin = input_.size();
      break;
    }
    if (end == std::string::npos) break;
    handle(std::string_view(input_).substr(begin, length));
    begin = end + 1;
  }
  explicit_bzero(input_.data(), begin);  // it may have held secrets
  input_.erase(0, begin);
}

void Server::Client::handle(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  ++owed_;
  // By number: the client may be gone when the answer comes.
  server_.dispatcher_.handle(line, who_, [&server = server_, id = id_](std::string text) {
    const auto found = server.clients_.find(id);
    if (found != server.clients_.end()) found->second->answered(text);
  });
}

void Server::Client::answered(const std::string& text) {
  --owed_;
  if (!text.empty() && !overflowed_) output_ += text + "\n";
  if (output_.size() - sent_ > server_.options_.max_output) {
    sent_ = output_.size();  // it gets nothing more; closed below, from the loop
    closing_ = overflowed_ = true;
    kLog.warn("{}: a management client does not read its answers; dropped", who_);
  }
  // The socket is written from the loop: this may run inside take_requests.
  watched_ |= EPOLLOUT;
  if (const auto watched = server_.reactor_.rewatch(fd_.get(), watched_, *this); !watched)
    kLog.error("{}", watched.error().text);
}

// False when the client is gone.
bool Server::Client::write_some() {
  while (sent_ < output_.size()) {
    const ssize_t n = send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (!timer_.armed()) timer_.arm(server_.reactor_.timers(), server_.reactor_.now() + server_.options_.write_limit);
      return true;
    }
    if (n < 0) return false;
    sent_ += static_cast<std::size_t>(n);
    timer_.disarm();
  }
  output_.clear();
  sent_ = 0;
  return true;
}

void Server::Client::watch_again() {
  std::uint32_t wanted = 0;
  if (!closing_ && owed_ < server_.options_.max_owed) wanted |= EPOLLIN;
  if (!output_.empty()) wanted |= EPOLLOUT;
  if (wanted == watched_) return;
  watched_ = wanted;
  if (!server_.reactor_.rewatch(fd_.get(), wanted, *this)) drop("epoll refuses it");
}

void Server::Client::stalled(void* context) { static_cast<Client*>(context)->drop("it does not read its answers"); }

void Server::Client::drop(const char* why) {
  if (why != nullptr) kLog.warn("{}: management client dropped: {}", who_, why);
  server_.clients_.erase(id_);  // destroys this
}

base::Result<std::unique_ptr<Server>> Server::start(hal::Reactor& reactor, Dispatcher& dispatcher,
                                                    ServerOptions options, ListeningSocket socket) {
  std::unique_ptr<Server> server(new Server(reactor, dispatcher, options, std::move(socket)));
  TRY(reactor.watch(server->socket_.get(), EPOLLIN, *server));
  return server;
}

Server::Server(hal::Reactor& reactor, Dispatcher& dispatcher, ServerOptions options, ListeningSocket socket)
    : reactor_(reactor), dispatcher_(dispatcher), options_(options), socket_(std::move(socket)) {}

Server::~Server() {
  clients_.clear();
  if (socket_.get() >= 0) reactor_.unwatch(socket_.get(), *this);
}

void Server::give_up_listening() {
  reactor_.unwatch(socket_.get(), *this);
  socket_.give_up();
}

void Server::fd_ready(std::uint32_t) {
  Fd socket(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) return accept_one(std::move(socket));
  if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) kLog.error("management socket: {}", strerror(errno));
}

void Server::accept_one(Fd socket) {
  const auto refuse = [&](const std::string& why) {
    const std::string text = error_response(RpcError::kFailed, why) + "\n";
    if (send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return;
  };
  const auto caller = caller_of(socket.get());
  if (!caller) return kLog.error("management client refused: {}", caller.error().text);
  if (!options_.policy.allows(*caller)) {
    kLog.warn("{}: management client refused: not permitted", caller->describe());
    return refuse("not permitted");
  }
  if (clients_.size() >= options_.max_clients) return refuse("too many management clients");
  const std::uint64_t id = next_client_++;
  auto client = std::make_unique<Client>(*this, id, std::move(socket), *caller);
  if (const auto started = client->start(); !started) return kLog.error("management client: {}", started.error().text);
  clients_.emplace(id, std::move(client));
}

}  // namespace ctl
