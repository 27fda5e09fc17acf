// Fuzzes the management socket: what a client of it sends, as it is or made of calls, in any pieces, against the whole
// control plane over a fake machine, the durable store included.
//
// What must hold: answers are JSON-RPC 2.0, one a line, and no more than were asked for; no secret is in an answer or
// in the log; what is in force keeps its rules and is what a restart would load.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "ctl/config/check.h"
#include "ctl/rpc/server.h"
#include "ctl/service/service.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/rpc_input.h"
#include "tests/support/require.h"
#include "tests/unit/ctl/fake_machine.h"
#include "tests/unit/ctl/temporary_directory.h"

namespace {

constexpr std::string_view kSecret = "known-to-nobody-else", kMutualSecret = "told-by-the-target-only";

std::string logged;  // of this input

ctl::Config beginning() {
  ctl::Config config;
  ctl::User alice;
  alice.name = "alice";
  alice.mutual_user = "outboard";
  alice.secret = ctl::Secret(kSecret);
  alice.mutual_secret = ctl::Secret(kMutualSecret);
  config.users.push_back(alice);
  ctl::LogicalUnit disk;
  disk.unit.name = "disk0";
  disk.store.size = 1 << 20;
  config.logical_units.push_back(disk);
  ctl::Target target;
  target.name = "iqn.2026-01.test:disk";
  target.access.chap = true;
  target.access.users = {"alice"};
  config.targets.push_back(target);
  config.portals.push_back({"127.0.0.1:3260", 1});
  config.mapping.views.push_back({"disk0", "", "", 0, false});
  return config;
}

struct World {
  explicit World(const TemporaryDirectory& parent) : directory(parent / "state"), socket_path(parent / "socket") {
    std::filesystem::remove_all(directory);
    store = std::move(ctl::Store::open(directory).value());
    transactor = std::make_unique<ctl::Transactor>(*reactor, machine, *store, worker);
    service = std::make_unique<ctl::Service>(*reactor, machine, *store, *transactor,
                                             ctl::ServiceInfo{"0.0-fuzz", clock.now(), {"core 1"}});
    dispatcher = std::make_unique<ctl::Dispatcher>(*service, *reactor);
    bool started = false;
    transactor->start(beginning(), false, [&](const auto& report) { started = report.has_value(); });
    rest();
    REQUIRE(started);
    ctl::ServerOptions options;
    options.policy.owner = geteuid();
    auto listening = ctl::ListeningSocket::open(socket_path, {});
    REQUIRE(listening.has_value());
    server = std::move(ctl::Server::start(*reactor, *dispatcher, options, std::move(*listening)).value());
  }
  // Until nothing is left to do, the worker's part included.
  void rest() {
    for (int idle = 0; idle < 2;) {
      idle = reactor->run_once() ? 0 : idle + 1;
      worker.drain();
    }
  }
  int connect() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }
  const std::string directory, socket_path;
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor = std::move(hal::Reactor::create([this] {
                                                      hal::ReactorOptions options;
                                                      options.clock = &clock;
                                                      options.shuffle_seed = 1;
                                                      return options;
                                                    }())
                                                        .value());
  FakeMachine machine{*reactor};
  std::unique_ptr<ctl::Store> store;
  hal::Worker worker{"fuzz"};
  std::unique_ptr<ctl::Transactor> transactor;
  std::unique_ptr<ctl::Service> service;
  std::unique_ptr<ctl::Dispatcher> dispatcher;
  std::unique_ptr<ctl::Server> server;
};

std::string receive(int fd) {
  std::string out;
  std::array<char, 65536> chunk;
  ssize_t got;
  while ((got = recv(fd, chunk.data(), chunk.size(), 0)) > 0) out.append(chunk.data(), static_cast<std::size_t>(got));
  return out;
}

std::string converse(World& world, std::string_view said, std::size_t piece) {
  const int fd = world.connect();
  std::string heard;
  while (!said.empty()) {
    const ssize_t sent = send(fd, said.data(), std::min(piece, said.size()), MSG_NOSIGNAL);
    if (sent <= 0) break;  // turned away
    said.remove_prefix(static_cast<std::size_t>(sent));
    world.rest();
    heard += receive(fd);
  }
  shutdown(fd, SHUT_WR);
  world.rest();
  for (int limit = 0; limit < 3; ++limit) {  // what was never answered is answered for, changes when they stand still
    world.clock.advance(std::chrono::minutes(5));
    world.rest();
  }
  heard += receive(fd);
  close(fd);
  world.rest();
  return heard;
}

void check_one(const ctl::Json& answer) {
  REQUIRE(answer.is_object() && answer.value("jsonrpc", "") == "2.0" && answer.contains("id"));
  REQUIRE(answer.contains("result") != answer.contains("error"));
  if (!answer.contains("error")) return;
  REQUIRE(answer["error"].is_object() && answer["error"]["code"].is_number_integer());
  REQUIRE(answer["error"]["message"].is_string());
}

void check_answers(std::string_view heard, std::size_t asked) {
  std::size_t lines = 0;
  while (!heard.empty()) {
    const std::size_t end = heard.find('\n');
    REQUIRE(end != std::string_view::npos);
    const auto answer = ctl::parse_json(heard.substr(0, end));
    REQUIRE(answer.has_value());
    heard.remove_prefix(end + 1);
    ++lines;
    if (!answer->is_array()) {
      check_one(*answer);
      continue;
    }
    REQUIRE(!answer->empty() && answer->size() <= ctl::kMaxBatch);
    for (const ctl::Json& one : *answer) check_one(one);
  }
  REQUIRE(lines <= asked);
}

// No word that only `config` knows, unless the client said it, too.
void check_secrets(const ctl::Config& config, std::string_view said, const std::string& shown) {
  const auto check_one_secret = [&](const ctl::Secret& secret) {
    const std::string& word = secret.reveal();
    if (word.size() < 12 || said.find(word) != std::string_view::npos) return;
    REQUIRE(shown.find(word) == std::string::npos);
  };
  for (const ctl::User& user : config.users) {
    check_one_secret(user.secret);
    check_one_secret(user.mutual_secret);
  }
}

// A secret given in its place is not shown, though the client knows it.
void check_given_secrets(std::string_view said, const std::string& shown) {
  while (!said.empty()) {
    const std::string_view line = said.substr(0, said.find('\n'));
    said.remove_prefix(std::min(said.size(), line.size() + 1));
    const auto request = ctl::parse_json(line);
    if (!request.has_value() || !request->is_object() || !request->contains("params")) continue;
    const ctl::Json& params = (*request)["params"];
    if (!params.is_object() || !params.contains("secret") || !params["secret"].is_string()) continue;
    const auto& word = params["secret"].get_ref<const std::string&>();
    const std::size_t first = line.find(word);
    const bool once = first != std::string_view::npos && line.find(word, first + 1) == std::string_view::npos;
    if (word.size() < 20 || !once || said.find(word) != std::string_view::npos) continue;
    if (shown.find(word) != std::string::npos) std::fprintf(stderr, "%s\n", shown.c_str());
    REQUIRE(shown.find(word) == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);  // to standard error, that is
  base::set_log_observer(
      [](base::LogLevel, std::string_view, std::string_view line) { logged.append(line).push_back('\n'); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TemporaryDirectory parent;
  logged.clear();
  Input input(data, size);
  const std::uint8_t how = input.byte();
  const bool made = how >= 0xf0;
  const std::string calls = made ? rpc_input::make_conversation(input) : std::string();
  const std::string_view said =
      made ? calls : std::string_view(reinterpret_cast<const char*>(data) + (size - input.left()), input.left());
  World world(parent);
  const ctl::Config before = world.transactor->config();
  if ((how & 1) != 0) world.machine.fail = {"fabric 2", "remove disk0", "views 2", "resize disk0 4096"};
  if ((how & 6) == 4) world.machine.silent = {"logout 1", "bind 0000:3b:00.0", "add disk1", "remove disk0"};
  const std::size_t piece = (how & 2) != 0 ? 1u + (how >> 2) : 65536u;  // of 61 bytes and more, if they are made
  const std::string heard = converse(world, said, piece);
  check_answers(heard, 1 + static_cast<std::size_t>(std::count(said.begin(), said.end(), '\n')));
  const ctl::Config& after = world.transactor->config();
  for (const ctl::Config* config : {&before, &after}) check_secrets(*config, said, heard + logged);
  check_given_secrets(said, heard + logged);
  REQUIRE(ctl::find_problems(after).empty());
  REQUIRE(world.server->clients() == 0);
  world.store.reset();
  const auto stored = ctl::Store::open(world.directory);
  REQUIRE(stored.has_value());
  const auto loaded = (*stored)->load();
  REQUIRE(loaded.has_value() && *loaded == after);
  return 0;
}
