// Unit tests of the iSNS client: messages, rounds with a server that a test plays, its inquiries, its hostility.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/ctl/isns_fixture.h"

namespace ctl::isns {
namespace {

TEST(IsnsMessage, TextIsTerminatedAndPadded) {
  for (const auto& [given, size] : {std::pair("", 4u), std::pair("abc", 4u), std::pair("abcd", 8u)}) {
    MessageWriter out;
    out.put(Tag::kIscsiName, std::string_view(given));
    const Parsed parsed = parse(out.take(1, kFromClient, 9));
    ASSERT_EQ(parsed.attributes.size(), 1u);
    EXPECT_EQ(parsed.attributes[0].second.size(), size);
    EXPECT_EQ(text(parsed.attributes[0].second), given);
    EXPECT_EQ(parsed.header.flags, kFromClient | kFirst | kLast);
    EXPECT_EQ(parsed.header.transaction, 9);
  }
}

TEST(IsnsMessage, AttributesThatDoNotFitAreSeen) {
  const auto judge = [](std::vector<std::uint8_t> bytes) {
    const std::unique_ptr<std::byte[]> exact(new std::byte[bytes.size()]);
    std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), exact.get());
    return well_formed({exact.get(), bytes.size()});
  };
  EXPECT_TRUE(judge({}));
  EXPECT_TRUE(judge({0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(judge({0, 0, 0, 1, 0, 0, 0, 4, 'a', 'b', 'c', 0}));
  EXPECT_FALSE(judge({0, 0, 0, 1}));
  EXPECT_FALSE(judge({0, 0, 0, 1, 0, 0, 0, 4, 'a', 'b', 'c'}));
  EXPECT_FALSE(judge({0, 0, 0, 1, 0, 0, 0, 3, 'a', 'b', 'c'}));
  EXPECT_FALSE(judge({0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfc, 'a', 'b', 'c', 0}));
  const Bytes open(4, std::byte{'x'});
  EXPECT_FALSE(Attribute{.value = open}.text()) << "no NUL";
  EXPECT_FALSE(Attribute{.value = std::span(open).first(3)}.number());
}

Bytes pdu(std::uint16_t flags, std::uint16_t sequence, std::size_t size, std::uint16_t transaction = 5) {
  Header header;
  header.function = 0x8001;
  header.length = static_cast<std::uint16_t>(size);
  header.flags = flags;
  header.transaction = transaction;
  header.sequence = sequence;
  Bytes out(sizeof header + size);
  std::memcpy(out.data(), &header, sizeof header);
  return out;
}

TEST(IsnsMessage, PdusAreGatheredHoweverTheStreamIsCut) {
  Bytes stream = pdu(kFirst, 0, 8);
  for (const Bytes& more : {pdu(0, 1, 4), pdu(kLast, 2, 0), pdu(kFirst | kLast, 0, 12)}) {
    stream.insert(stream.end(), more.begin(), more.end());
  }
  MessageReader reader;
  std::vector<std::size_t> sizes;
  for (const std::byte byte : stream) {
    reader.feed(std::span(&byte, 1));
    MessageReader::Message message;
    while (reader.next(message) == MessageReader::Step::kMessage) sizes.push_back(message.payload.size());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{12, 12}));
}

TEST(IsnsMessage, StreamsThatBreakTheRulesEnd) {
  const auto broken = [](const std::vector<Bytes>& pdus) {
    MessageReader reader;
    MessageReader::Message message;
    for (const Bytes& each : pdus) reader.feed(each);
    return reader.next(message) == MessageReader::Step::kMalformed;
  };
  Bytes version = pdu(kFirst | kLast, 0, 4);
  version[1] = std::byte{2};
  EXPECT_TRUE(broken({version}));
  EXPECT_TRUE(broken({pdu(kFirst | kLast, 0, 3)}));
  EXPECT_TRUE(broken({pdu(kLast, 0, 4)})) << "no first";
  EXPECT_TRUE(broken({pdu(kFirst, 0, 4), pdu(kFirst, 1, 4)})) << "first twice";
  EXPECT_TRUE(broken({pdu(kFirst, 0, 4), pdu(kLast, 2, 4)})) << "one is missing";
  EXPECT_TRUE(broken({pdu(kFirst, 0, 4), pdu(kLast, 1, 4, 6)})) << "another transaction";
  std::vector<Bytes> endless = {pdu(kFirst, 0, 65532)};
  for (std::uint16_t i = 1; i < 6; ++i) endless.push_back(pdu(0, i, 65532));
  EXPECT_TRUE(broken(endless));
}

// --- the client ---

TEST_F(IsnsClient, EverythingIsRegisteredAtFirst) {
  client->offer(offer());
  EXPECT_EQ(link->connects, 1);
  link->events->connected();
  const Parsed request = take();
  EXPECT_EQ(request.header.function, 1);
  EXPECT_EQ(request.header.flags, kFromClient | kReplace | kFirst | kLast);
  std::vector<std::uint32_t> tags;
  for (const auto& [tag, value] : request.attributes) tags.push_back(static_cast<std::uint32_t>(tag));
  EXPECT_EQ(tags, (std::vector<std::uint32_t>{32, 1,  0,  1,  2,  6,                       // source, key, entity
                                              16, 17, 19, 20, 23, 16, 17, 19, 20, 23,      // portals
                                              32, 33, 34, 48, 49, 50, 51, 48, 49, 50, 51,  // nodes, their portal groups
                                              32, 33, 48, 49, 50, 51, 48, 49, 50, 51}));
  const auto value = [&](std::size_t i) { return request.attributes.at(i).second; };
  EXPECT_EQ(text(value(0)), "iqn.2026-01.test:a");
  EXPECT_EQ(text(value(1)), "storage.example.org");
  EXPECT_EQ(number(value(5)), 300u);
  const Bytes& address = value(6);  // where we talk to the server from
  ASSERT_EQ(address.size(), 16u);
  EXPECT_EQ(static_cast<int>(address[10]), 0xff);
  EXPECT_EQ(static_cast<int>(address[12]), 192);
  EXPECT_EQ(static_cast<int>(address[15]), 1);
  EXPECT_EQ(number(value(7)), 3260u);
  EXPECT_EQ(number(value(9)), 0x10000u | 5000u) << "by UDP";
  EXPECT_EQ(number(value(17)), 1u) << "a target";
  EXPECT_EQ(number(value(22)), 1u) << "portal group";
  EXPECT_TRUE(value(26).empty()) << "not to be reached by the second portal";
  EXPECT_EQ(number(value(36)), 2u);
  answer(request);
  for (const char* const name : {"iqn.2026-01.test:a", "iqn.2026-01.test:b"}) {
    const Parsed scn = take();
    EXPECT_EQ(scn.header.function, 5);
    EXPECT_EQ(text(scn.attributes.at(1).second), name);
    answer(scn);
  }
  EXPECT_EQ(client->state(), State::kRegistered);
  client->offer(offer());
  EXPECT_EQ(link->connects, 1) << "nothing has changed";
}

TEST_F(IsnsClient, RegistrationIsRefreshedBeforeItsPeriodIsOver) {
  register_all();
  advance(seconds(99));
  EXPECT_EQ(link->connects, 1);
  advance(seconds(2));
  EXPECT_EQ(link->connects, 2);
  link->events->connected();
  const Parsed request = take();
  EXPECT_EQ(request.header.flags & kReplace, 0) << "an update: nobody is notified";
  MessageWriter shorter;
  shorter.put(Tag::kEntityIdentifier, std::string_view("storage.example.org"));
  shorter.delimiter();
  shorter.put(Tag::kRegistrationPeriod, 60u);
  answer(request, 0, shorter);
  EXPECT_EQ(client->state(), State::kRegistered);
  advance(seconds(21));
  EXPECT_EQ(link->connects, 3) << "as often as the server wants";
}

TEST_F(IsnsClient, ChangesReplaceWhatWasRegistered) {
  register_all();
  Offer less = offer();
  less.nodes.pop_back();
  client->offer(less);
  EXPECT_EQ(link->connects, 2);
  link->events->connected();
  EXPECT_NE(take().header.flags & kReplace, 0);
}

TEST_F(IsnsClient, WithoutTargetsTheEntityIsTakenBack) {
  register_all();
  client->offer({});
  link->events->connected();
  const Parsed request = take();
  EXPECT_EQ(request.header.function, 4);
  answer(request);
  EXPECT_EQ(client->state(), State::kIdle);
}

TEST_F(IsnsClient, StopTakesBackAndWaitsForTwoSecondsAtMost) {
  register_all();
  bool stopped = false;
  client->stop([&] { stopped = true; });
  link->events->connected();
  const Parsed request = take();
  EXPECT_EQ(request.header.function, 4);
  EXPECT_EQ(text(request.attributes.at(0).second), "iqn.2026-01.test:a");
  EXPECT_EQ(text(request.attributes.at(2).second), "storage.example.org");
  settle();
  EXPECT_FALSE(stopped);
  advance(seconds(3));
  EXPECT_TRUE(stopped);
}

TEST_F(IsnsClient, StopWithNothingRegisteredIsOverAtOnce) {
  ExpectLog expect("cannot be reached");
  client->offer(offer());
  link->events->closed("cannot be reached");
  bool stopped = false;
  client->stop([&] { stopped = true; });
  settle();
  EXPECT_TRUE(stopped);
}

TEST_F(IsnsClient, ServerThatIsAwayIsTriedAgainMoreAndMoreRarely) {
  ExpectLog expect("iSNS server 192.0.2.6:3205: cannot be reached");
  client->offer(offer());
  for (const int wait : {2, 4, 8, 16, 32, 60, 60}) {
    const int before = link->connects;
    link->events->closed("cannot be reached");
    settle();
    EXPECT_EQ(client->state(), State::kWaiting);
    advance(seconds(wait) - std::chrono::milliseconds(10));
    EXPECT_EQ(link->connects, before);
    advance(std::chrono::milliseconds(20));
    EXPECT_EQ(link->connects, before + 1) << wait;
  }
}

TEST_F(IsnsClient, ServerThatSaysNothingIsLeft) {
  ExpectLog expect("no answer in time");
  client->offer(offer());
  link->events->connected();
  advance(seconds(11));
  EXPECT_EQ(client->state(), State::kWaiting);
}

TEST_F(IsnsClient, ServerThatHasForgottenUsGetsEverythingAnew) {
  register_all();
  advance(seconds(101));
  link->events->connected();
  ExpectLog expect("refused a request: no such entry");
  answer(take(), 9);
  EXPECT_EQ(client->state(), State::kWaiting);
  advance(seconds(3));
  link->events->connected();
  EXPECT_NE(take().header.flags & kReplace, 0);
}

TEST_F(IsnsClient, AnswersThatBreakTheRulesEndTheRound) {
  const auto fails = [this](auto&& play) {
    client->offer({});
    link->sent.clear();
    Offer fresh = offer();
    fresh.nodes[0].alias += "x";
    client->offer(fresh);
    link->events->connected();
    play(take());
    settle();
    const bool failed = client->state() == State::kWaiting;
    link->events->closed("");
    return failed;
  };
  ExpectLog expect("iSNS server");
  EXPECT_TRUE(fails([this](const Parsed&) { link->events->received(Bytes(12)); }));
  EXPECT_TRUE(fails([this](const Parsed& request) {
    MessageWriter out;
    link->events->received(out.take(0x8001, kFromServer, request.header.transaction));  // no status
  }));
  EXPECT_TRUE(fails([this](const Parsed& request) {
    MessageWriter out;
    out.status(0);
    link->events->received(out.take(0x8002, kFromServer, request.header.transaction));  // of a query
  }));
  EXPECT_TRUE(fails([this](const Parsed& request) {
    MessageWriter out;
    out.status(0);
    out.status(6);  // half an attribute
    link->events->received(out.take(0x8001, kFromServer, request.header.transaction));
  }));
  EXPECT_FALSE(fails([this](const Parsed& request) {
    MessageWriter out;
    out.status(3);
    link->events->received(
        out.take(0x8001, kFromServer, static_cast<std::uint16_t>(request.header.transaction + 77)));  // to nobody
  }));
}

TEST_F(IsnsClient, ManyTargetsComeInSeveralMessages) {
  Offer many = offer();
  for (int i = 0; i < 1000; ++i) {
    many.nodes.push_back({.name = "iqn.2026-01.test:" + std::to_string(i), .alias = "", .portal_groups = {1}});
  }
  client->offer(many);
  link->events->connected();
  int registrations = 0, replacing = 0;
  while (client->state() == State::kTalking) {
    const Parsed request = take();
    if (request.header.function == 1) ++registrations;
    if ((request.header.flags & kReplace) != 0) ++replacing;
    answer(request);
  }
  EXPECT_GT(registrations, 3);
  EXPECT_EQ(replacing, 1);
}

// --- what the server asks ---

Bytes question(std::uint16_t function, const MessageWriter& payload) { return payload.take(function, kFromServer, 77); }

TEST_F(IsnsClient, InquiriesAreEchoed) {
  MessageWriter payload;
  payload.put(Tag::kTimestamp, Bytes(8));
  payload.put(Tag::kEntityIdentifier, std::string_view("storage.example.org"));
  const Parsed reply = parse(link->events->asked(question(0x000d, payload)), 4);
  EXPECT_EQ(reply.header.function, 0x800d);
  EXPECT_EQ(reply.header.transaction, 77);
  EXPECT_EQ(reply.header.flags, kFromClient | kFirst | kLast);
  ASSERT_EQ(reply.attributes.size(), 2u);
  EXPECT_EQ(reply.attributes[0].first, Tag::kTimestamp);
  EXPECT_EQ(number(Bytes(reply.payload.begin(), reply.payload.begin() + 4)), 0u);
  EXPECT_EQ(client->inquiries(), 1u);
}

TEST_F(IsnsClient, NotificationsAreAnsweredWithWhomTheyWereFor) {
  MessageWriter payload;
  payload.put(Tag::kIscsiName, std::string_view("iqn.2026-01.test:a"));
  payload.put(Tag::kTimestamp, Bytes(8));
  payload.put(Tag::kScnBitmap, 8u);
  payload.put(Tag::kIscsiName, std::string_view("iqn.2026-01.test:host"));
  const Parsed reply = parse(link->events->asked(question(8, payload)), 4);
  EXPECT_EQ(reply.header.function, 0x8008);
  ASSERT_EQ(reply.attributes.size(), 1u);
  EXPECT_EQ(text(reply.attributes[0].second), "iqn.2026-01.test:a");
  EXPECT_EQ(client->notifications(), 1u);
}

TEST_F(IsnsClient, QuestionsThatBreakTheRulesAreNotAnswered) {
  MessageWriter payload;
  payload.put(Tag::kTimestamp, Bytes(8));
  const Bytes good = question(0x000d, payload);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_TRUE(link->events->asked(std::span(good).first(size)).empty());
  }
  EXPECT_TRUE(link->events->asked(question(0x000d, {})).empty());
  EXPECT_TRUE(link->events->asked(question(0x0001, payload)).empty());
  EXPECT_TRUE(link->events->asked(question(8, payload)).empty()) << "for nobody";
  EXPECT_TRUE(link->events->asked(question(0x800d, payload)).empty());
  EXPECT_EQ(client->inquiries(), 0u);
}

}  // namespace
}  // namespace ctl::isns
