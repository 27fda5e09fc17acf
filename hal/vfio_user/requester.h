// The asking half of a vfio-user connection: sends requests and waits for their answers. Any thread; one at a time.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "hal/vfio_user/capabilities.h"
#include "hal/vfio_user/channel.h"

namespace hal::vfio_user {

class Requester {
 public:
  Requester(base::Fd socket, std::string name) : channel_(std::move(socket)), name_(std::move(name)) {}

  base::Result<Capabilities> negotiate();
  struct Request {
    Command command;
    std::span<const std::byte> fixed = {}, data = {};
    std::span<const int> fds = {};
  };
  // The payload of the answer; `fd` takes a descriptor that comes along. Waits at most kPatience, then the device is
  // gone: a server that is late once cannot be told from one that hangs.
  base::Result<std::vector<std::byte>> ask(const Request& request, base::Fd* fd = nullptr);
  void post(const Request& request);  // no answer is wanted
  bool gone();                        // looks whether the server closed the connection

 private:
  static constexpr base::Duration kPatience = std::chrono::seconds(5);
  Header header(const Request& request, bool wants_reply);
  base::Result<void> await(const Header& asked, Message& message);
  base::Result<void> lost();

  std::mutex mutex_;
  Channel channel_;
  const std::string name_;
  std::uint16_t next_id_ = 1;
  bool reported_ = false;
};

}  // namespace hal::vfio_user
