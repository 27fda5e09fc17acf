// Unit tests of the management socket: who may connect, framing, slow and greedy clients.
#include "ctl/rpc/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "tests/support/log_guard.h"
#include "tests/unit/ctl/control_fixture.h"

namespace ctl {
namespace {

struct ServerTest : ControlFixture {
  std::string path = parent / "socket";
  std::unique_ptr<Server> server;

  void listen(ServerOptions options = {}) {
    options.policy.owner = geteuid();
    auto socket = ListeningSocket::open(path, options.policy.group);
    ASSERT_TRUE(socket) << socket.error().text;
    server = Server::start(*reactor, dispatcher, options, std::move(*socket)).value();
  }
  Fd connect() {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    settle();
    return fd;
  }
  // Everything that comes back, until the server has nothing more to say.
  std::string exchange(const Fd& fd, const std::string& text) {
    std::size_t done = 0;
    std::string out;
    std::array<char, 65536> chunk;
    for (int idle = 0; idle < 3;) {
      const ssize_t sent =
          done < text.size() ? send(fd.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL) : 0;
      if (sent > 0) done += static_cast<std::size_t>(sent);
      settle();
      const ssize_t got = recv(fd.get(), chunk.data(), chunk.size(), 0);
      if (got > 0) out.append(chunk.data(), static_cast<std::size_t>(got));
      idle = sent > 0 || got > 0 ? 0 : idle + 1;
    }
    return out;
  }
  bool closed(const Fd& fd) {
    settle();
    char byte;
    const ssize_t got = recv(fd.get(), &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }
  static std::string list(int id) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"user.list"})" + "\n";
  }
  static std::string listed(int id) {
    return R"({"id":)" + std::to_string(id) + R"(,"jsonrpc":"2.0","result":[]})" + "\n";
  }
};

TEST_F(ServerTest, TheSocketIsForItsOwnerOnly) {
  const mode_t before = umask(0);
  listen();
  umask(before);
  struct stat status {};
  ASSERT_EQ(lstat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  server.reset();
  EXPECT_NE(lstat(path.c_str(), &status), 0);
}

TEST_F(ServerTest, AGroupOpensItForTheGroup) {
  ServerOptions options;
  options.policy.group = getegid();
  listen(options);
  struct stat status {};
  ASSERT_EQ(lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
}

TEST_F(ServerTest, ADirectoryThatOthersCanWriteIsRefused) {
  ASSERT_EQ(chmod(parent.path().c_str(), 0777 | S_ISVTX), 0);
  const auto fd = ListeningSocket::open(path, {});
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, base::Errc::kDenied);
  EXPECT_EQ(ListeningSocket::open("relative/socket", {}).error().code, base::Errc::kInvalid);
  EXPECT_EQ(ListeningSocket::open("/" + std::string(120, 'x'), {}).error().code, base::Errc::kInvalid);
}

TEST_F(ServerTest, AStaleSocketIsReplacedALivingOneIsNot) {
  const std::string aside = parent / "aside";
  {
    const auto stale = ListeningSocket::open(path, {});
    ASSERT_TRUE(stale);
    ASSERT_EQ(rename(path.c_str(), aside.c_str()), 0);  // so that it is left behind, as after a crash
  }
  ASSERT_EQ(rename(aside.c_str(), path.c_str()), 0);
  listen();
  EXPECT_EQ(ListeningSocket::open(path, {}).error().code, base::Errc::kBusy);
  const std::string file = parent / "file";
  std::ofstream(file) << "data";
  EXPECT_EQ(ListeningSocket::open(file, {}).error().code, base::Errc::kExists);
  EXPECT_EQ(access(file.c_str(), F_OK), 0);
}

TEST(Peer, WhoMayConnect) {
  const AccessPolicy owner_only{1000, {}}, with_group{1000, 50};
  const auto caller = [](uid_t uid, gid_t gid, std::vector<gid_t> groups) {
    return Caller{uid, gid, 1, std::move(groups)};
  };
  EXPECT_TRUE(owner_only.allows(caller(0, 0, {})));
  EXPECT_TRUE(owner_only.allows(caller(1000, 7, {})));
  EXPECT_FALSE(owner_only.allows(caller(1001, 50, {50})));
  EXPECT_TRUE(with_group.allows(caller(1001, 50, {})));
  EXPECT_TRUE(with_group.allows(caller(1001, 7, {8, 50})));
  EXPECT_FALSE(with_group.allows(caller(1001, 0, {8})));
  EXPECT_FALSE(with_group.allows(caller(1001, 7, {1000})));
}

TEST(Peer, CredentialsAreTheKernels) {
  std::array<int, 2> pair;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const Fd a(pair[0]), b(pair[1]);
  const auto caller = caller_of(a.get());
  ASSERT_TRUE(caller) << caller.error().text;
  EXPECT_EQ(caller->uid, geteuid());
  EXPECT_EQ(caller->pid, getpid());
}

TEST_F(ServerTest, RequestsAreLines) {
  listen();
  const Fd fd = connect();
  EXPECT_EQ(exchange(fd, list(1)), listed(1));
  EXPECT_EQ(exchange(fd, list(2) + "\n  \r\n" + list(3)), listed(2) + listed(3));
  const std::string text = list(4);
  EXPECT_EQ(exchange(fd, text.substr(0, 10)), "");
  EXPECT_EQ(exchange(fd, text.substr(10)), listed(4));
  EXPECT_NE(exchange(fd, "garbage\n").find("-32700"), std::string::npos);
  EXPECT_EQ(exchange(fd, list(5)), listed(5));
}

TEST_F(ServerTest, ManyClientsAtOnce) {
  listen();
  std::vector<Fd> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  EXPECT_EQ(server->clients(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(exchange(clients[static_cast<std::size_t>(i)], list(i)), listed(i));
  clients.clear();
  settle();
  EXPECT_EQ(server->clients(), 0u);
}

TEST_F(ServerTest, TooManyClientsAreToldSo) {
  ServerOptions options;
  options.max_clients = 2;
  listen(options);
  const Fd one = connect(), two = connect(), three = connect();
  EXPECT_NE(exchange(three, "").find("too many"), std::string::npos);
  EXPECT_TRUE(closed(three));
  EXPECT_EQ(exchange(one, list(1)), listed(1));
}

TEST_F(ServerTest, ARequestHasAtMostSixteenMebibytes) {
  listen();
  const Fd good = connect();
  const std::string rest = list(1), padding(kMaxRequest - rest.size() + 1, ' ');
  EXPECT_EQ(exchange(good, padding + rest), listed(1));
  const Fd bad = connect();
  EXPECT_NE(exchange(bad, std::string(kMaxRequest + 1, ' ')).find("at most 16 MiB"), std::string::npos);
  EXPECT_TRUE(closed(bad));
}

TEST_F(ServerTest, AClientThatShutsDownStillGetsItsAnswers) {
  listen();
  const Fd fd = connect();
  const std::string text = list(1) + list(2);
  ASSERT_EQ(send(fd.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  ASSERT_EQ(shutdown(fd.get(), SHUT_WR), 0);
  EXPECT_EQ(exchange(fd, ""), listed(1) + listed(2));
  EXPECT_TRUE(closed(fd));
}

TEST_F(ServerTest, AnAnswerToAClientThatWentAwayIsDropped) {
  machine.silent = {"logout 1"};
  listen();
  {
    const Fd fd = connect();
    exchange(fd, R"({"jsonrpc":"2.0","id":1,"method":"session.logout","params":{"id":1}})"
                 "\n");
  }
  settle();
  EXPECT_EQ(server->clients(), 0u);
  const ExpectLog expect("no answer within");
  clock.advance(std::chrono::minutes(5));
  settle();
}

TEST_F(ServerTest, OneClientsRequestsInWorkAreLimited) {
  machine.silent = {"logout 1"};
  ServerOptions options;
  options.max_owed = 4;
  listen(options);
  const Fd fd = connect();
  std::string text;
  for (int i = 0; i < 10; ++i)
    text += R"({"jsonrpc":"2.0","id":1,"method":"session.logout","params":{"id":1}})"
            "\n";
  exchange(fd, text);
  EXPECT_EQ(machine.calls.size(), 4u);
  const ExpectLog expect("no answer within");
  clock.advance(std::chrono::minutes(5));
  exchange(fd, "");
  EXPECT_EQ(machine.calls.size(), 8u);  // room for the next
}

// Fills the socket by not reading; returns how much the client sent.
void ask_without_reading(const Fd& fd, int times, const std::string& text) {
  for (int i = 0; i < times; ++i) {
    if (send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return;
  }
}

TEST_F(ServerTest, AClientThatDoesNotReadIsDropped) {
  listen();
  const Fd fd = connect();
  const std::string describe = R"({"jsonrpc":"2.0","id":1,"method":"describe"})"
                               "\n";
  for (int round = 0; round < 100; ++round) {
    ask_without_reading(fd, 4, describe);
    settle();
  }
  EXPECT_EQ(server->clients(), 1u);
  const ExpectLog expect("does not read its answers");
  clock.advance(std::chrono::seconds(30));
  settle();
  EXPECT_EQ(server->clients(), 0u);
}

TEST_F(ServerTest, WaitingAnswersAreLimited) {
  ServerOptions options;
  options.max_output = 100'000;
  listen(options);
  const Fd fd = connect();
  const ExpectLog expect("does not read its answers");
  for (int round = 0; round < 100; ++round) {
    ask_without_reading(fd, 4,
                        R"({"jsonrpc":"2.0","id":1,"method":"describe"})"
                        "\n");
    settle();
  }
  EXPECT_EQ(server->clients(), 0u);
}

}  // namespace
}  // namespace ctl
