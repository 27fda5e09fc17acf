// Unit tests of the RADIUS client: packets by an independent reading of the RFCs, hostile answers, servers that are
// away.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <deque>

#include "base/clock.h"
#include "ctl/radius/client.h"
#include "tests/support/log_guard.h"

namespace ctl::radius {
namespace {

using iscsi::ChapVerdict;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::byte>;

constexpr const char* kSecret = "between us and them";

iscsi::ChapProof proof_of(const std::string& user) {
  iscsi::ChapProof proof{.user = user, .identifier = 0x2a};
  for (std::size_t i = 0; i < proof.challenge.size(); ++i) proof.challenge[i] = static_cast<std::byte>(i);
  for (std::size_t i = 0; i < proof.response.size(); ++i) proof.response[i] = static_cast<std::byte>(0xf0 + i);
  return proof;
}

const unsigned char* raw(const Bytes& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

void sign(Bytes& packet, std::size_t at, const char* secret) {
  std::fill_n(packet.begin() + static_cast<std::ptrdiff_t>(at), 16, std::byte{0});
  unsigned size = 0;
  std::array<unsigned char, 16> out;
  HMAC(EVP_md5(), secret, static_cast<int>(strlen(secret)), raw(packet), packet.size(), out.data(), &size);
  std::memcpy(packet.data() + at, out.data(), out.size());
}

// As a server answers: signed, then the Response Authenticator over all of it.
Bytes answer_to(const Bytes& request, std::uint8_t code, const char* secret = kSecret, bool with_signature = true,
                const Bytes& attributes = {}) {
  Bytes packet(20);
  packet[0] = static_cast<std::byte>(code);
  packet[1] = request[1];
  std::copy_n(request.begin() + 4, 16, packet.begin() + 4);
  if (with_signature) {
    packet.insert(packet.end(), {std::byte{80}, std::byte{18}});
    packet.resize(packet.size() + 16);
  }
  packet.insert(packet.end(), attributes.begin(), attributes.end());
  packet[2] = static_cast<std::byte>(packet.size() >> 8);
  packet[3] = static_cast<std::byte>(packet.size() & 0xff);
  if (with_signature) sign(packet, 22, secret);
  Bytes all = packet;
  for (const char* c = secret; *c != '\0'; ++c) all.push_back(static_cast<std::byte>(*c));
  unsigned size = 0;
  EVP_Digest(all.data(), all.size(), reinterpret_cast<unsigned char*>(packet.data() + 4), &size, EVP_md5(), nullptr);
  return packet;
}

TEST(RadiusPacket, RequestIsAsTheStandardsHaveIt) {
  Authenticator authenticator;
  authenticator.fill(std::byte{7});
  const Bytes packet = access_request(9, authenticator, proof_of("alice"), "box", kSecret).value();
  const auto at = [&](std::size_t i) { return static_cast<int>(packet.at(i)); };
  EXPECT_EQ(at(0), 1);
  EXPECT_EQ(at(1), 9);
  EXPECT_EQ(at(2) << 8 | at(3), static_cast<int>(packet.size()));
  EXPECT_EQ(at(4), 7);
  EXPECT_EQ(at(20), 80) << "Message-Authenticator first";
  EXPECT_EQ(at(21), 18);
  EXPECT_EQ(at(38), 1);  // User-Name
  EXPECT_EQ(at(39), 7);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(packet.data()) + 40, 5), "alice");
  EXPECT_EQ(at(45), 3);  // CHAP-Password: identifier and response
  EXPECT_EQ(at(46), 19);
  EXPECT_EQ(at(47), 0x2a);
  EXPECT_EQ(at(48), 0xf0);
  EXPECT_EQ(at(64), 60);  // CHAP-Challenge
  EXPECT_EQ(at(65), 34);
  EXPECT_EQ(at(97), 31);
  EXPECT_EQ(at(98), 32);   // NAS-Identifier
  EXPECT_EQ(at(103), 61);  // NAS-Port-Type, virtual
  EXPECT_EQ(at(108), 5);
  EXPECT_EQ(packet.size(), 109u);
  Bytes again = packet;
  sign(again, 22, kSecret);
  EXPECT_EQ(again, packet);
}

TEST(RadiusPacket, NamesThatDoNotFitAreRefused) {
  EXPECT_FALSE(access_request(1, {}, proof_of(""), "box", kSecret));
  EXPECT_TRUE(access_request(1, {}, proof_of(std::string(253, 'u')), "box", kSecret));
  EXPECT_FALSE(access_request(1, {}, proof_of(std::string(254, 'u')), "box", kSecret));
  EXPECT_FALSE(access_request(1, {}, proof_of("u"), std::string(254, 'n'), kSecret));
}

struct Judged : testing::Test {
  Authenticator authenticator{std::byte{1}, std::byte{2}, std::byte{3}};
  Bytes request = access_request(9, authenticator, proof_of("alice"), "", kSecret).value();
  Answer read(const Bytes& packet, std::uint8_t identifier = 9) {
    const std::unique_ptr<std::byte[]> exact(new std::byte[packet.size()]);  // a sanitizer sees every over-read
    std::copy(packet.begin(), packet.end(), exact.get());
    const char* why = "";
    return read_answer({exact.get(), packet.size()}, identifier, authenticator, kSecret, why);
  }
};

TEST_F(Judged, AnswersAreTakenByTheirCode) {
  EXPECT_EQ(read(answer_to(request, 2)), Answer::kAccept);
  EXPECT_EQ(read(answer_to(request, 3)), Answer::kReject);
  EXPECT_EQ(read(answer_to(request, 11)), Answer::kReject) << "a challenge: there is nobody to answer it";
  for (const std::uint8_t code : std::initializer_list<std::uint8_t>{0, 1, 4, 5, 12, 255})
    EXPECT_EQ(read(answer_to(request, code)), Answer::kForged);
}

TEST_F(Judged, AnswerWithoutMessageAuthenticatorCountsForNothing) {
  EXPECT_EQ(read(answer_to(request, 2, kSecret, false)), Answer::kForged);
  EXPECT_EQ(read(answer_to(request, 3, kSecret, false)), Answer::kForged);
}

TEST_F(Judged, EveryBitIsGuarded) {
  const Bytes good =
      answer_to(request, 2, kSecret, true, {std::byte{18}, std::byte{4}, std::byte{'h'}, std::byte{'i'}});
  ASSERT_EQ(read(good), Answer::kAccept);
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    Bytes bad = good;
    bad[i / 8] ^= std::byte{1} << (i % 8);
    EXPECT_EQ(read(bad), Answer::kForged) << "bit " << i;
  }
}

TEST_F(Judged, LengthsAreChecked) {
  const Bytes good = answer_to(request, 2);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(read(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), Answer::kForged) << size;
  }
  Bytes padded = good;
  padded.resize(good.size() + 10);
  EXPECT_EQ(read(padded), Answer::kAccept) << "what follows the length is padding (RFC 2865 3)";
  for (const Bytes& attributes :
       {Bytes{std::byte{18}}, Bytes{std::byte{18}, std::byte{0}}, Bytes{std::byte{18}, std::byte{1}},
        Bytes{std::byte{18}, std::byte{3}}, Bytes(18, std::byte{80})}) {
    EXPECT_EQ(read(answer_to(request, 2, kSecret, true, attributes)), Answer::kForged);
  }
  Bytes twice(18);
  twice[0] = std::byte{80};
  twice[1] = std::byte{18};
  EXPECT_EQ(read(answer_to(request, 2, kSecret, true, twice)), Answer::kForged);
}

TEST_F(Judged, AnswerOfSomebodyElseOrToSomethingElse) {
  EXPECT_EQ(read(answer_to(request, 2, "another secret")), Answer::kForged);
  EXPECT_EQ(read(answer_to(request, 2), 10), Answer::kForged);
  Bytes other = request;
  other[4] ^= std::byte{1};
  EXPECT_EQ(read(answer_to(other, 2)), Answer::kForged) << "to another request with this identifier";
}

// --- the client ---

struct FakeTransport final : Transport {
  base::Result<void> open(const std::vector<std::string>& names) override {
    if (refuse) return base::fail(base::Errc::kIo, "no sockets");
    servers = names;
    return {};
  }
  void send(std::size_t server, std::span<const std::byte> packet) override {
    sent.push_back({server, Bytes(packet.begin(), packet.end())});
  }
  struct Sent {
    std::size_t server;
    Bytes packet;
  };
  std::vector<std::string> servers;
  std::deque<Sent> sent;
  bool refuse = false;
};

struct RadiusClient : testing::Test {
  RadiusClient() {
    hal::ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 7;
    reactor = hal::Reactor::create(options).value();
    client = std::make_unique<Client>(*reactor, transport);
    servers.addresses = {"192.0.2.5:1812", "192.0.2.6:1812"};
    EXPECT_TRUE(client->use(servers, kSecret));
  }
  void settle() {
    while (reactor->run_once()) {
    }
  }
  void advance(base::Duration by) {
    clock.advance(by);
    settle();
  }
  void ask(const std::string& user = "alice") {
    client->verify(proof_of(user), [this](ChapVerdict verdict) { verdicts.push_back(verdict); });
    settle();
  }
  FakeTransport::Sent take() {
    EXPECT_FALSE(transport.sent.empty());
    if (transport.sent.empty()) return {};
    FakeTransport::Sent first = std::move(transport.sent.front());
    transport.sent.pop_front();
    return first;
  }
  void deliver(std::size_t server, const Bytes& packet) {
    client->received(server, packet);
    settle();
  }
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  FakeTransport transport;
  std::unique_ptr<Client> client;
  iscsi::RadiusServers servers;
  std::vector<ChapVerdict> verdicts;
};

TEST_F(RadiusClient, QuestionIsAnswered) {
  ask();
  const auto first = take();
  EXPECT_EQ(first.server, 0u);
  deliver(0, answer_to(first.packet, 2));
  ask();
  deliver(0, answer_to(take().packet, 3));
  EXPECT_EQ(verdicts, (std::vector{ChapVerdict::kRight, ChapVerdict::kWrong}));
  EXPECT_EQ(client->asked(), 0u);
  advance(seconds(60));
  EXPECT_TRUE(transport.sent.empty()) << "nothing is sent again";
}

TEST_F(RadiusClient, SilentServerIsAskedAgainThenTheNextOne) {
  ask();
  const auto first = take();
  advance(seconds(2));
  EXPECT_EQ(take().packet, first.packet) << "the same datagram, so that the server knows it for the same question";
  ExpectLog expect("RADIUS server 192.0.2.5:1812: does not answer");
  advance(seconds(2));
  const auto second = take();
  EXPECT_EQ(second.server, 1u);
  EXPECT_NE(second.packet, first.packet);
  EXPECT_FALSE(std::equal(first.packet.begin() + 4, first.packet.begin() + 20, second.packet.begin() + 4));
  deliver(1, answer_to(second.packet, 2));
  EXPECT_EQ(verdicts, std::vector{ChapVerdict::kRight});
  ask();
  EXPECT_EQ(take().server, 1u) << "the one that answers is asked first";
}

TEST_F(RadiusClient, WhenNobodyAnswersThatIsSaid) {
  ask();
  ExpectLog one("192.0.2.5:1812: does not answer"), two("192.0.2.6:1812: does not answer");
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(verdicts.empty());
    advance(seconds(2));
  }
  EXPECT_EQ(verdicts, std::vector{ChapVerdict::kUnknown});
  EXPECT_EQ(transport.sent.size(), 4u);
}

TEST_F(RadiusClient, HostileAnswersAreNotHeardAndTheRightOneIs) {
  ask();
  const Bytes request = take().packet;
  ExpectLog expect("RADIUS server");
  deliver(0, {});
  deliver(0, Bytes(1));
  deliver(0, answer_to(request, 2, "guessed"));
  deliver(0, answer_to(request, 2, kSecret, false));
  deliver(1, answer_to(request, 2));  // from a server that was not asked
  Bytes other = answer_to(request, 2);
  other[1] ^= std::byte{0x55};  // an identifier that nobody has
  deliver(0, other);
  EXPECT_TRUE(verdicts.empty());
  deliver(0, answer_to(request, 3));
  EXPECT_EQ(verdicts, std::vector{ChapVerdict::kWrong});
  deliver(0, answer_to(request, 2));  // late
  EXPECT_EQ(verdicts.size(), 1u);
}

TEST_F(RadiusClient, AsManyQuestionsAsThereAreIdentifiers) {
  for (std::size_t i = 0; i < Client::kMaxAsked; ++i) ask();
  EXPECT_EQ(client->asked(), Client::kMaxAsked);
  EXPECT_TRUE(verdicts.empty());
  ask();
  EXPECT_EQ(verdicts, std::vector{ChapVerdict::kUnknown});
  const Bytes request = take().packet;
  deliver(0, answer_to(request, 2));
  ask();
  EXPECT_EQ(transport.sent.back().packet[1], request[1]) << "the identifier that is free";
  client->give_up();
  settle();
  EXPECT_EQ(client->asked(), 0u);
}

TEST_F(RadiusClient, OtherServersMeanThatOpenQuestionsStayOpen) {
  ask();
  servers.addresses = {"192.0.2.7:1812"};
  ASSERT_TRUE(client->use(servers, "new"));
  settle();
  EXPECT_EQ(verdicts, std::vector{ChapVerdict::kUnknown});
  transport.refuse = true;
  EXPECT_FALSE(client->use({}, ""));
  transport.refuse = false;
  ASSERT_TRUE(client->use({}, ""));
  ask();
  EXPECT_EQ(verdicts.size(), 2u) << "nobody to ask";
}

TEST_F(RadiusClient, NameThatNoAttributeTakesIsNobodys) {
  ask(std::string(254, 'u'));
  EXPECT_EQ(verdicts, std::vector{ChapVerdict::kWrong});
  EXPECT_TRUE(transport.sent.empty());
}

}  // namespace
}  // namespace ctl::radius
