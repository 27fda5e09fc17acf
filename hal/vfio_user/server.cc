// Accepting one client after the other.
#include "hal/vfio_user/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "hal/vfio_user/socket.h"

namespace hal::vfio_user {
namespace {
constexpr base::Logger kLog("vfio-user");
}  // namespace

Server::Ended::Ended(Server& s)
    : Deferred([](Deferred& d) { static_cast<Ended&>(d).server.connection_.reset(); }), server(s) {}

base::Result<std::unique_ptr<Server>> Server::listen(Reactor& reactor, const std::string& path, Backend& backend) {
  base::Fd listening = TRY(listen_at(path));
  std::unique_ptr<Server> server(new Server(reactor, backend, std::move(listening), path));
  TRY(reactor.watch(server->listening_.get(), EPOLLIN, *server));
  return server;
}

Server::Server(Reactor& reactor, Backend& backend, base::Fd listening, std::string path)
    : reactor_(reactor), backend_(backend), listening_(std::move(listening)), path_(std::move(path)), ended_(*this) {}

Server::Server(Reactor& reactor, Backend& backend, base::Fd connected)
    : reactor_(reactor), backend_(backend), path_("socket pair"), ended_(*this) {
  start(std::move(connected));
}

Server::~Server() {
  connection_.reset();
  if (ended_.linked()) ended_.unlink();
  if (!listening_) return;
  reactor_.unwatch(listening_.get(), *this);
  unlink(path_.c_str());
}

void Server::fd_ready(std::uint32_t) {
  base::Fd client(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client) return;
  // One that has left may not have been noticed yet: who opens the device again comes at once.
  if (connection_ != nullptr) connection_->look();
  if (ended_.linked()) {
    ended_.unlink();
    connection_.reset();
  }
  if (connection_ != nullptr) {
    kLog.info("{}: a second client is turned away", path_);
    return;
  }
  kLog.info("{}: a client came", path_);
  start(std::move(client));
}

void Server::start(base::Fd client) {
  Connection::Owner& owner = *this;
  connection_ = std::make_unique<Connection>(reactor_, std::move(client), backend_, owner, path_);
}

void Server::disconnect(std::string why) {
  if (connection_ != nullptr) connection_->close(std::move(why));
}

// Called from inside the connection.
void Server::connection_ended() {
  if (!ended_.linked()) reactor_.defer(ended_);
}

}  // namespace hal::vfio_user
