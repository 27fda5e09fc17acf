// Serving the control socket without ever waiting for a client.
#include "emu/tool/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "hal/vfio_user/socket.h"

namespace emu::tool {

base::Result<std::unique_ptr<Control>> Control::listen(hal::Reactor& reactor, const std::string& path,
                                                       Commands& commands) {
  base::Fd listening = TRY(hal::vfio_user::listen_at(path));
  std::unique_ptr<Control> control(new Control(reactor, std::move(listening), path, commands));
  TRY(reactor.watch(control->listening_.get(), EPOLLIN, *control));
  return control;
}

Control::Control(hal::Reactor& reactor, base::Fd listening, std::string path, Commands& commands)
    : reactor_(reactor), listening_(std::move(listening)), path_(std::move(path)), commands_(commands) {}

Control::~Control() {
  while (!clients_.empty()) drop(clients_.front());
  reactor_.unwatch(listening_.get(), *this);
  unlink(path_.c_str());
}

void Control::fd_ready(std::uint32_t) {
  base::Fd socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket || clients_.size() >= kMostClients) return;
  Client& client = clients_.emplace_back(*this, std::move(socket));
  if (!reactor_.watch(client.fd(), EPOLLIN, client).has_value()) clients_.pop_back();
}

void Control::drop(Client& client) {
  reactor_.unwatch(client.fd(), client);
  clients_.remove_if([&](const Client& other) { return &other == &client; });
}

void Control::Client::fd_ready(std::uint32_t) {
  const bool open = read_lines();
  const bool writable = write_some();
  if (!writable || (!open && out_.empty())) return control_.drop(*this);
  const std::uint32_t events = (open ? std::uint32_t{EPOLLIN} : 0u) | (out_.empty() ? 0u : std::uint32_t{EPOLLOUT});
  if (!control_.reactor_.rewatch(fd(), events, *this).has_value()) control_.drop(*this);
}

bool Control::Client::read_lines() {
  std::array<char, 4096> bytes;
  const ssize_t n = recv(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  in_.append(bytes.data(), static_cast<std::size_t>(n));
  for (std::size_t end; (end = in_.find('\n')) != std::string::npos; in_.erase(0, end + 1)) {
    out_ += control_.commands_.run(std::string_view(in_).substr(0, end)) + "\n";
  }
  return in_.size() <= kLongestLine;
}

bool Control::Client::write_some() {
  while (!out_.empty()) {
    const ssize_t n = send(fd(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    out_.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace emu::tool
