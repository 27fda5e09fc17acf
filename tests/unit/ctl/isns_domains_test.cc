// Unit tests of the iSNS client's discovery domains: who is asked for, when, and what holds meanwhile.
#include "tests/unit/ctl/isns_fixture.h"

namespace ctl::isns {
namespace {

struct IsnsDomains : IsnsClient {
  IsnsDomains() {
    client = std::make_unique<Client>(
        *reactor,
        iscsi::IsnsServer{.address = "192.0.2.6:3205", .entity = "storage.example.org", .access_control = true},
        std::make_unique<FakeLink>(link));
    client->on_members([this] { ++changes; });
  }
  static MessageWriter names(const std::vector<std::string>& initiators) {
    MessageWriter out;
    out.put(Tag::kIscsiNodeType, 2u);
    out.put(Tag::kIscsiName, std::string_view("iqn.2026-01.test:in-the-key"));
    out.delimiter();
    for (const std::string& name : initiators) out.put(Tag::kIscsiName, std::string_view(name));
    return out;
  }
  // Answers a whole round; the functions that were called.
  std::vector<int> round(const std::vector<std::string>& of_a, const std::vector<std::string>& of_b) {
    link->events->connected();
    std::vector<int> functions;
    while (client->state() == State::kTalking) {
      const Parsed request = take();
      functions.push_back(request.header.function);
      const bool query = request.header.function == 2;
      const bool a = text(request.attributes.at(0).second) == "iqn.2026-01.test:a";
      EXPECT_TRUE(!query || number(request.attributes.at(1).second) == 2u) << "initiators";
      answer(request, 0, query ? names(a ? of_a : of_b) : MessageWriter());
    }
    return functions;
  }
  static Bytes notification() {
    MessageWriter payload;
    payload.put(Tag::kIscsiName, std::string_view("iqn.2026-01.test:a"));
    payload.put(Tag::kTimestamp, Bytes(8));
    return payload.take(8, kFromServer, 77);
  }
  int changes = 0;
};

TEST_F(IsnsDomains, InitiatorsOfEachTargetAreAskedFor) {
  EXPECT_FALSE(client->members());
  client->offer(offer());
  EXPECT_EQ(round({"iqn.x:2", "iqn.x:1", "iqn.x:1", "", "iqn.*"}, {}), (std::vector<int>{1, 5, 5, 2, 2}));
  ASSERT_TRUE(client->members());
  const Members wanted = {{"iqn.2026-01.test:a", {"iqn.x:1", "iqn.x:2"}}, {"iqn.2026-01.test:b", {}}};
  EXPECT_EQ(*client->members(), wanted);
  EXPECT_EQ(changes, 1);
  advance(seconds(101));
  EXPECT_EQ(round({"iqn.x:1", "iqn.x:2"}, {}), (std::vector<int>{1, 2, 2}));
  EXPECT_EQ(changes, 1) << "as before";
}

TEST_F(IsnsDomains, NotificationsAreFollowedByQueriesOnly) {
  client->offer(offer());
  round({}, {});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(link->events->asked(notification()).empty());
  EXPECT_EQ(link->connects, 1);
  advance(std::chrono::milliseconds(250));
  EXPECT_EQ(link->connects, 2);
  link->events->asked(notification());  // while we ask
  EXPECT_EQ(round({"iqn.x:1"}, {}), (std::vector<int>{2, 2}));
  EXPECT_EQ(changes, 2);
  advance(std::chrono::milliseconds(250));
  EXPECT_EQ(round({"iqn.x:1"}, {"iqn.x:1"}), (std::vector<int>{2, 2}));
  EXPECT_EQ(changes, 3);
  advance(seconds(99));
  EXPECT_EQ(link->connects, 3);
  advance(seconds(1));
  EXPECT_EQ(link->connects, 4) << "queries do not put off the refresh";
  EXPECT_EQ(round({"iqn.x:1"}, {"iqn.x:1"}), (std::vector<int>{1, 2, 2}));
}

TEST_F(IsnsDomains, WhatWasToldHoldsWhileTheServerIsAway) {
  client->offer(offer());
  round({"iqn.x:1"}, {});
  advance(seconds(101));
  ExpectLog expect("iSNS server 192.0.2.6:3205: cannot be reached");
  link->events->closed("cannot be reached");
  settle();
  ASSERT_TRUE(client->members());
  EXPECT_EQ(client->members()->at("iqn.2026-01.test:a").size(), 1u);
  const Info info = client->info();
  EXPECT_EQ(info.state, State::kWaiting);
  EXPECT_TRUE(info.registered);
  EXPECT_EQ(info.last_error, "cannot be reached");
  ASSERT_TRUE(info.next_try);
  EXPECT_EQ(*info.next_try, seconds(2));
  advance(seconds(1));
  EXPECT_EQ(client->info().error_age, seconds(1));
  EXPECT_EQ(*client->info().next_try, seconds(1));
}

TEST_F(IsnsDomains, NoSuchEntryMeansNobody) {
  client->offer(offer());
  link->events->connected();
  while (client->state() == State::kTalking) {
    const Parsed request = take();
    answer(request, request.header.function == 2 ? 9u : 0u);
  }
  ASSERT_TRUE(client->members());
  EXPECT_TRUE(client->members()->at("iqn.2026-01.test:b").empty());
}

}  // namespace
}  // namespace ctl::isns
