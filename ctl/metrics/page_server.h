// HTTP/1.1 for one page: GET and HEAD, one request a connection. Few clients, short requests and little time for each,
// so that nobody who can connect holds up or exhausts the daemon. Lives on the control reactor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "hal/reactor.h"

namespace ctl {

struct PageServerOptions {
  std::string path = "/metrics";
  std::string content_type = "text/plain; version=0.0.4; charset=utf-8";
  std::size_t max_clients = 8;                      // more are told to come again later
  std::size_t max_request = 8192;                   // bytes until the empty line
  base::Duration limit = std::chrono::seconds(10);  // from connecting to having read the answer
};

class PageServer final : private hal::FdHandler {
 public:
  // `wanted` is called when a client waits for the page; whoever made the server then calls answer(), perhaps later.
  static base::Result<std::unique_ptr<PageServer>> listen(hal::Reactor& reactor, const std::string& address,
                                                          PageServerOptions options, std::function<void()> wanted);
  ~PageServer() override;                // closes all
  void answer(const std::string& page);  // to all who wait
  const std::string& address() const { return address_; }
  std::size_t clients() const { return clients_.size(); }

 private:
  class Client;
  PageServer(hal::Reactor& reactor, base::Fd socket, std::string address, PageServerOptions options,
             std::function<void()> wanted);
  void fd_ready(std::uint32_t events) override;
  void accept_one(base::Fd socket);
  static void listen_again(void* context);

  hal::Reactor& reactor_;
  base::Fd socket_;
  std::string address_;
  PageServerOptions options_;
  std::function<void()> wanted_;
  std::uint64_t next_client_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
  hal::Timer pause_{&PageServer::listen_again, this};  // while no descriptor is to be had
};

}  // namespace ctl
