// The management socket: newline-delimited JSON-RPC over a Unix socket, for many clients, none of whom can hold up or
// exhaust the daemon. Lives on the control reactor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "ctl/files.h"
#include "ctl/rpc/dispatcher.h"
#include "ctl/rpc/peer.h"
#include "hal/reactor.h"

namespace ctl {

// A Unix socket that listens; the file goes with it.
class ListeningSocket {
 public:
  // In a directory that only we and root can write to. Mode 0600, or with a group 0660 and of that group. A stale
  // socket of ours is replaced, one that answers is not.
  static base::Result<ListeningSocket> open(const std::string& path, std::optional<gid_t> group);
  // One that another process has made. The file is its own until it has given up.
  static ListeningSocket adopt(Fd socket) { return {std::move(socket), ""}; }
  void take_file(std::string path) { path_ = std::move(path); }
  ListeningSocket(ListeningSocket&&) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();
  int get() const { return fd_.get(); }
  void give_up() { fd_ = Fd(); }  // another process has it: the file stays

 private:
  ListeningSocket(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

struct ServerOptions {
  AccessPolicy policy;
  std::size_t max_clients = 64;
  std::size_t max_owed = 16;                              // requests of one client in work: more are not read
  std::size_t max_output = std::size_t{16} << 20;         // bytes waiting for a client that does not read
  base::Duration write_limit = std::chrono::seconds(30);  // without taking a byte: it is dropped
};

class Server final : private hal::FdHandler {
 public:
  static base::Result<std::unique_ptr<Server>> start(hal::Reactor& reactor, Dispatcher& dispatcher,
                                                     ServerOptions options, ListeningSocket socket);
  ~Server() override;  // closes all
  std::size_t clients() const { return clients_.size(); }
  int listening() const { return socket_.get(); }
  // Those who come are another process' from now on. Clients that are here are served to the end.
  void give_up_listening();

 private:
  class Client;
  Server(hal::Reactor& reactor, Dispatcher& dispatcher, ServerOptions options, ListeningSocket socket);
  void fd_ready(std::uint32_t events) override;
  void accept_one(Fd socket);

  hal::Reactor& reactor_;
  Dispatcher& dispatcher_;
  ServerOptions options_;
  ListeningSocket socket_;
  std::uint64_t next_client_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
};

}  // namespace ctl
