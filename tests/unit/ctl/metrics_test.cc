// Unit tests of the page for Prometheus: what is in it, how much, and who gets it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "ctl/metrics/endpoint.h"
#include "tests/support/log_guard.h"
#include "tests/unit/ctl/control_fixture.h"

namespace ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

scsi::Statistics some() {
  scsi::Statistics out;
  out.reads.resize(base::Histogram::bucket(milliseconds(5)) + 1);
  out.reads.back() = 3;
  out.reads[0] = 2;
  out.read_bytes = 4096;
  out.errors = 1;
  return out;
}

TEST(Exposition, CountersAndHistogramsOfEachKind) {
  MetricsSnapshot snapshot;
  snapshot.rows.push_back({StatisticsRow::Of::kUnit, "disk", 0, {}, "offline", some()});
  snapshot.rows.push_back({StatisticsRow::Of::kSession, "iqn.x:host", 7, "iqn.x:t", {}, some()});
  snapshot.rows.push_back({StatisticsRow::Of::kPort, "iqn.x:t,t,0x0001", 0, {}, {}, some()});
  snapshot.iscsi.authentication_failures = 4;
  const std::string text = exposition(snapshot);
  for (const char* line :
       {"# TYPE outboard_lu_latency_seconds histogram\n", "outboard_lu_commands_total{lu=\"disk\",type=\"read\"} 5\n",
        "outboard_lu_bytes_total{lu=\"disk\",type=\"read\"} 4096\n", "outboard_lu_errors_total{lu=\"disk\"} 1\n",
        "outboard_lu_online{lu=\"disk\"} 0\n",
        "outboard_session_errors_total{session=\"7\",initiator=\"iqn.x:host\",target=\"iqn.x:t\"} 1\n",
        "outboard_port_commands_total{port=\"iqn.x:t,t,0x0001\",type=\"read\"} 5\n",
        "outboard_lu_latency_seconds_bucket{lu=\"disk\",type=\"read\",le=\"1.6384e-05\"} 2\n",
        "outboard_lu_latency_seconds_bucket{lu=\"disk\",type=\"read\",le=\"+Inf\"} 5\n",
        "outboard_lu_latency_seconds_count{lu=\"disk\",type=\"read\"} 5\n",
        "outboard_iscsi_authentication_failures_total 4\n", "outboard_metrics_left_out{of=\"lu\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Exposition, LatenciesLieInTheRightBuckets) {
  MetricsSnapshot snapshot;
  snapshot.rows.push_back({StatisticsRow::Of::kUnit, "d", 0, {}, "online", some()});
  const std::string text = exposition(snapshot);
  const auto bucket = [&](const char* le) {
    return std::string("outboard_lu_latency_seconds_bucket{lu=\"d\",type=\"read\",le=\"") + le + "\"} ";
  };
  EXPECT_THAT(text, HasSubstr(bucket("0.004194304") + "2\n"));  // 5 ms are more than 2^22 ns
  EXPECT_THAT(text, HasSubstr(bucket("0.016777216") + "5\n"));
  const std::string sum = "outboard_lu_latency_seconds_sum{lu=\"d\",type=\"read\"} ";
  ASSERT_THAT(text, HasSubstr(sum));
  EXPECT_NEAR(std::stod(text.substr(text.find(sum) + sum.size())), 0.015, 0.015 / 16);
}

TEST(Exposition, NamesAreEscapedAndTheirNumberIsBounded) {
  MetricsSnapshot snapshot;
  for (std::size_t i = 0; i < kMostUnits + 5; ++i) {
    snapshot.rows.push_back({StatisticsRow::Of::kUnit, "lu" + std::to_string(100000 + i), 0, {}, "online", {}});
  }
  snapshot.rows.push_back({StatisticsRow::Of::kSession, "a\"b\\c\nd", 1, {}, {}, {}});
  const std::string text = exposition(snapshot);
  EXPECT_THAT(text, HasSubstr("initiator=\"a\\\"b\\\\c\\nd\""));
  EXPECT_THAT(text, HasSubstr("outboard_metrics_left_out{of=\"lu\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("outboard_lu_online{lu=\"lu100511\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("lu100512")));
}

// A browser of one request, without waiting.
class Browser {
 public:
  explicit Browser(const std::string& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = inet_addr("127.0.0.1");
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  void say(const std::string& text) {
    EXPECT_EQ(send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // All that has come until now.
  const std::string& heard() {
    char bytes[4096];
    ssize_t n = 0;
    while ((n = recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
      heard_.append(bytes, static_cast<std::size_t>(n));
    }
    ended_ |= n == 0 || errno != EAGAIN;  // who is refused at once is reset behind the answer
    return heard_;
  }
  bool ended() {
    heard();
    return ended_;
  }

 private:
  base::Fd fd_;
  std::string heard_;
  bool ended_ = false;
};

struct MetricsTest : ControlFixture {
  void open() { ASSERT_TRUE(endpoint.apply({.listen = "127.0.0.1:0"})); }
  // Loopback sockets are ready at once; a few rounds more for what is answered by message.
  std::string ask(const std::string& request) {
    Browser browser(endpoint.address());
    browser.say(request);
    settle();
    EXPECT_TRUE(browser.ended());
    return browser.heard();
  }
  std::string page() { return ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); }

  MetricsEndpoint endpoint{*reactor, machine};
};

TEST_F(MetricsTest, ThePageIsServedToWhoAsksForIt) {
  EXPECT_EQ(endpoint.address(), "");
  open();
  machine.port_statistics = {{"p", some()}};
  const std::string text = page();
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(text, HasSubstr("outboard_port_errors_total{port=\"p\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("Content-Length: " + std::to_string(text.size() - text.find("\r\n\r\n") - 4) + "\r\n"));
  const std::string head = ask("HEAD /metrics?x=1 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(MetricsTest, WhatIsNoRequestForItIsRefused) {
  open();
  EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /metrics SPDY/3\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nX: " + std::string(9000, 'x')), StartsWith("HTTP/1.1 431 "));
}

TEST_F(MetricsTest, AnAnswerIsGoodForASecond) {
  open();
  machine.port_statistics = {{"first", {}}};
  EXPECT_THAT(page(), HasSubstr("first"));
  machine.port_statistics = {{"second", {}}};
  clock.advance(milliseconds(900));
  EXPECT_THAT(page(), HasSubstr("first"));
  clock.advance(milliseconds(200));
  EXPECT_THAT(page(), HasSubstr("second"));
}

TEST_F(MetricsTest, SlowClientsAndTooManyAreNotKept) {
  open();
  std::vector<std::unique_ptr<Browser>> silent;
  for (std::size_t i = 0; i < PageServerOptions().max_clients; ++i) {
    silent.push_back(std::make_unique<Browser>(endpoint.address()));
    silent.back()->say("GET /metr");
    settle();
  }
  EXPECT_THAT(page(), StartsWith("HTTP/1.1 503 "));
  clock.advance(seconds(11));
  settle();
  for (const auto& one : silent) EXPECT_TRUE(one->ended());
  EXPECT_THAT(page(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsTest, SessionsAreLeftOutWhenTheyAreNotWanted) {
  machine.sessions.emplace_back().initiator = "iqn.host";
  ASSERT_TRUE(endpoint.apply({.listen = "127.0.0.1:0", .sessions = false}));
  EXPECT_THAT(page(), Not(HasSubstr("iqn.host")));
  ASSERT_TRUE(endpoint.apply({.listen = "127.0.0.1:0", .sessions = true}));
  EXPECT_THAT(page(), HasSubstr("iqn.host"));
}

TEST_F(MetricsTest, AnAddressThatIsTakenChangesNothing) {
  open();
  MetricsEndpoint other(*reactor, machine);
  EXPECT_FALSE(other.apply({.listen = endpoint.address()}));
  EXPECT_EQ(other.address(), "");
  const std::string before = endpoint.address();
  ASSERT_TRUE(other.apply({.listen = "127.0.0.1:0"}));
  EXPECT_FALSE(endpoint.apply({.listen = other.address()}));
  EXPECT_EQ(endpoint.address(), before);
  EXPECT_THAT(page(), StartsWith("HTTP/1.1 200 "));
  ASSERT_TRUE(endpoint.apply({}));
  EXPECT_EQ(endpoint.address(), "");
}

TEST_F(MetricsTest, ItIsAPartOfTheConfiguration) {
  ASSERT_TRUE(call("metrics.modify", {{"listen", "127.0.0.1:9480"}}));
  EXPECT_EQ(machine.metrics.listen, "127.0.0.1:9480");
  EXPECT_EQ((*call("metrics.show"))["address"], "127.0.0.1:9480");
  EXPECT_THAT((*call("export"))["text"].get<std::string>(), HasSubstr("[metrics]\nlisten = \"127.0.0.1:9480\"\n"));
  EXPECT_FALSE(call("metrics.modify", {{"listen", "everywhere"}}));
  machine.fail.insert("metrics 127.0.0.1:1");
  EXPECT_FALSE(call("metrics.modify", {{"listen", "127.0.0.1:1"}}));
  EXPECT_EQ((*call("metrics.show"))["listen"], "127.0.0.1:9480");
}

}  // namespace
}  // namespace ctl
