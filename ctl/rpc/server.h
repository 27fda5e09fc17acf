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

struct ServerOptions {
  std::string path;     // in a directory that only we and root can write to; no abstract names
  AccessPolicy policy;  // a group makes the socket 0660 instead of 0600
  std::size_t max_clients = 64;
  std::size_t max_owed = 16;                              // requests of one client in work: more are not read
  std::size_t max_output = std::size_t{16} << 20;         // bytes waiting for a client that does not read
  base::Duration write_limit = std::chrono::seconds(30);  // without taking a byte: it is dropped
};

class Server final : private hal::FdHandler {
 public:
  static base::Result<std::unique_ptr<Server>> listen(hal::Reactor& reactor, Dispatcher& dispatcher,
                                                      ServerOptions options);
  ~Server() override;  // closes all and removes the socket
  std::size_t clients() const { return clients_.size(); }

 private:
  class Client;
  Server(hal::Reactor& reactor, Dispatcher& dispatcher, ServerOptions options, Fd fd);
  void fd_ready(std::uint32_t events) override;
  void accept_one(Fd socket);

  hal::Reactor& reactor_;
  Dispatcher& dispatcher_;
  ServerOptions options_;
  Fd fd_;
  std::uint64_t next_client_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
};

// A listening socket at `path`, mode 0600 (0660 and of that group with a group); a stale socket of ours is replaced,
// one that answers is not.
base::Result<Fd> listen_unix(const std::string& path, std::optional<gid_t> group);

}  // namespace ctl
