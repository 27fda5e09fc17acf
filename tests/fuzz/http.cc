// Fuzzes the page for Prometheus: requests of any bytes, or made of the words of HTTP, in any pieces, to the server
// over a real socket. Every answer is one whole HTTP response; the page is given to GET and HEAD of its path only; in
// the end no client is left.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/log.h"
#include "ctl/metrics/page_server.h"
#include "tests/fuzz/words.h"
#include "tests/support/require.h"

namespace {

constexpr std::string_view kPage = "outboard_up 1\n";

struct World {
  World() {
    hal::ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 1;
    reactor = std::move(hal::Reactor::create(options).value());
    server = std::move(ctl::PageServer::listen(*reactor, "127.0.0.1:0", {.max_clients = 2, .max_request = 512}, [this] {
                         wanted = true;
                       }).value());
  }
  int connect() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const linger none = {1, 0};  // nothing of it stays with the kernel
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string& address = server->address();
    to.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(&address[address.rfind(':') + 1], nullptr, 10)));
    (void)::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    rest();
    return fd;
  }
  void rest() {
    for (int idle = 0; idle < 2;) {
      idle = reactor->run_once() ? 0 : idle + 1;
      if (std::exchange(wanted, false)) server->answer(std::string(kPage));
    }
  }
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  bool wanted = false;
  std::unique_ptr<ctl::PageServer> server;
};

// A request line and a few headers; mostly the right ones.
std::string make_request(Input& input) {
  const std::uint8_t how = input.byte();
  std::string text(pick_of("GET|HEAD|POST|get|", how & 7));
  text.append(pick_of(" |  |\t| ", how >> 3 & 3));
  text.append(pick_of("/metrics|/metrics?a=b|/|/metrics /x|", input.byte()));
  text.append((how & 0x60) == 0x60 ? "" : " ")
      .append(pick_of("HTTP/1.1|HTTP/1.0|HTTP/2|HTTP/1.|http/1.1", input.byte()));
  text.append("\r\n");
  for (std::uint8_t i = input.byte() & 7; i > 0; --i) {
    text.append(pick_of("Host: localhost|Accept: */*|Content-Length: 5|", input.byte()));
    text += raw_text(input) + "\r\n";
  }
  return (how & 0x80) != 0 ? text : text + "\r\n";
}

void check_answer(const std::string& said, const std::string& heard) {
  if (heard.empty()) return;
  const std::size_t end = heard.find("\r\n\r\n");
  REQUIRE(heard.starts_with("HTTP/1.1 ") && end != std::string::npos);
  const std::size_t length_at = heard.find("Content-Length: ");
  REQUIRE(length_at < end);
  const auto length = std::strtoul(&heard[length_at + 16], nullptr, 10);
  const std::string body = heard.substr(end + 4);
  const bool page = heard.starts_with("HTTP/1.1 200 ");
  if (page) REQUIRE(said.starts_with("GET /metrics") || said.starts_with("HEAD /metrics"));
  if (page && said.starts_with("HEAD")) {
    REQUIRE(body.empty() && length == kPage.size());
  } else {
    REQUIRE(body.size() == length);
    REQUIRE(!page || body == kPage);
  }
}

void converse(World& world, int fd, std::string_view said, std::size_t piece) {
  std::string heard;
  std::array<char, 4096> chunk;
  for (std::string_view left = said; !left.empty();) {
    const ssize_t sent = send(fd, left.data(), std::min(piece, left.size()), MSG_NOSIGNAL);
    if (sent <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(sent));
    world.rest();
  }
  ssize_t got;
  while ((got = recv(fd, chunk.data(), chunk.size(), 0)) > 0) heard.append(chunk.data(), static_cast<std::size_t>(got));
  check_answer(std::string(said), heard);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;  // sockets cost more than an input
  Input input(data, size);
  const std::uint8_t how = input.byte();
  const std::size_t piece = (how & 2) != 0 ? 1u + (how >> 3) : 65536u;
  const int others[] = {(how & 4) != 0 ? world.connect() : -1, (how & 4) != 0 ? world.connect() : -1};
  const int fd = world.connect();
  if ((how & 1) != 0) {
    converse(world, fd, make_request(input), piece);
  } else {
    const auto raw = input.bytes(input.left());
    converse(world, fd, {reinterpret_cast<const char*>(raw.data()), raw.size()}, piece);
  }
  if ((how & 8) != 0) {  // who does not go is sent away
    world.clock.advance(std::chrono::seconds(11));
    world.rest();
    REQUIRE(world.server->clients() == 0);
  }
  for (const int each : {fd, others[0], others[1]}) {
    if (each >= 0) close(each);
  }
  world.rest();
  REQUIRE(world.server->clients() == 0);
  return 0;
}
