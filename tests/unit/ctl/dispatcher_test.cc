// Unit tests of JSON-RPC 2.0: requests, notifications, batches, errors.
#include "ctl/rpc/dispatcher.h"

#include <gtest/gtest.h>

#include "ctl/service/service.h"
#include "tests/support/log_guard.h"
#include "tests/unit/ctl/control_fixture.h"

namespace ctl {
namespace {

struct DispatcherTest : ControlFixture {
  // Answers that came; "" is an answer without text.
  std::vector<std::string> answers;
  void ask(const std::string& text) {
    dispatcher.handle(text, "uid 0, pid 1", [this](std::string answer) { answers.push_back(std::move(answer)); });
  }
  std::string answer_to(const std::string& text) {
    answers.clear();
    ask(text);
    settle();
    EXPECT_EQ(answers.size(), 1u) << text;
    return answers.empty() ? "no answer" : answers[0];
  }
};

TEST_F(DispatcherTest, ARequestIsAnsweredUnderItsId) {
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":7,"method":"user.list"})"), R"({"id":7,"jsonrpc":"2.0","result":[]})");
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":"x","method":"user.list","params":{}})"),
            R"({"id":"x","jsonrpc":"2.0","result":[]})");
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":null,"method":"user.list"})"),
            R"({"id":null,"jsonrpc":"2.0","result":[]})");
}

TEST_F(DispatcherTest, ANotificationHasNoAnswer) {
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","method":"user.list"})"), "");
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","method":"no.such"})"), "");
  EXPECT_EQ(answer_to(R"([{"jsonrpc":"2.0","method":"user.list"},{"jsonrpc":"2.0","method":"user.list"}])"), "");
}

TEST_F(DispatcherTest, GarbageHasTheStandardsErrorCodes) {
  const auto code = [this](const std::string& text) {
    return parse_json(answer_to(text)).value()["error"].value("code", 0);
  };
  EXPECT_EQ(code("{"), RpcError::kParse);
  EXPECT_EQ(code("\xff\xfe"), RpcError::kParse);
  EXPECT_EQ(code(std::string(2000, '[')), RpcError::kParse);
  EXPECT_EQ(code("[]"), RpcError::kInvalidRequest);
  EXPECT_EQ(code("3"), RpcError::kInvalidRequest);
  EXPECT_EQ(code("null"), RpcError::kInvalidRequest);
  EXPECT_EQ(code(R"({"id":1,"method":"user.list"})"), RpcError::kInvalidRequest);
  EXPECT_EQ(code(R"({"jsonrpc":2.0,"id":1,"method":"user.list"})"), RpcError::kInvalidRequest);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1})"), RpcError::kInvalidRequest);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":5})"), RpcError::kInvalidRequest);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":[1],"method":"user.list"})"), RpcError::kInvalidRequest);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"user.lis"})"), RpcError::kMethodNotFound);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"user.list","params":[]})"), RpcError::kInvalidParams);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"user.list","params":{"x":1}})"), RpcError::kInvalidParams);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"user.remove","params":{"name":"bob"}})"), RpcError::kFailed);
}

TEST_F(DispatcherTest, ABatchIsAnsweredTogether) {
  const Json all = parse_json(answer_to(R"([{"jsonrpc":"2.0","id":1,"method":"lu.list"}, 3,
      {"jsonrpc":"2.0","method":"lu.list"}, {"jsonrpc":"2.0","id":2,"method":"user.list"}])"))
                       .value();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]["id"], 1);
  EXPECT_EQ(all[1]["error"]["code"], RpcError::kInvalidRequest);
  EXPECT_EQ(all[2]["id"], 2);
}

TEST_F(DispatcherTest, ABatchThatIsTooLongIsRefused) {
  std::string text = "[";
  for (std::size_t i = 0; i <= kMaxBatch; ++i) text += i == 0 ? "1" : ",1";
  EXPECT_NE(answer_to(text + "]").find("-32600"), std::string::npos);
}

TEST_F(DispatcherTest, AMethodThatNeverAnswersIsAnsweredFor) {
  machine.silent = {"logout 3"};
  ask(R"([{"jsonrpc":"2.0","id":1,"method":"session.logout","params":{"id":3}},{"jsonrpc":"2.0","id":2,"method":"user.list"}])");
  settle();
  EXPECT_TRUE(answers.empty());
  const ExpectLog expect("no answer within 300s");
  clock.advance(std::chrono::minutes(5));
  settle();
  ASSERT_EQ(answers.size(), 1u);
  const Json all = parse_json(answers[0]).value();
  EXPECT_EQ(all[0]["error"]["data"]["code"], "timeout");
  EXPECT_EQ(all[1]["result"], Json::array());
}

TEST_F(DispatcherTest, ARequestWhoseIdIsNullIsAnsweredForToo) {
  machine.silent = {"logout 3"};
  ask(R"([{"jsonrpc":"2.0","id":null,"method":"session.logout","params":{"id":3}},{"jsonrpc":"2.0","method":"session.logout","params":{"id":3}}])");
  const ExpectLog expect("no answer within 300s");
  clock.advance(std::chrono::minutes(5));
  settle();
  ASSERT_EQ(answers.size(), 1u);
  const Json all = parse_json(answers[0]).value();
  ASSERT_EQ(all.size(), 1u) << "a notification has no answer";
  EXPECT_TRUE(all[0].contains("id") && all[0]["id"].is_null());
  EXPECT_EQ(all[0]["error"]["data"]["code"], "timeout");
}

TEST_F(DispatcherTest, AnErrorNamesItsKind) {
  const Json answer =
      parse_json(answer_to(R"({"jsonrpc":"2.0","id":1,"method":"lu.show","params":{"name":"d"}})")).value();
  EXPECT_EQ(answer["error"]["message"], "there is no lu \"d\"");
  EXPECT_EQ(answer["error"]["data"]["code"], "not found");
}

TEST_F(DispatcherTest, AChangeIsNotAnsweredForAsLongAsItGetsFurther) {
  machine.silent = {"add d"};
  ask(R"({"jsonrpc":"2.0","id":1,"method":"lu.create","params":{"name":"d","backstore":"ram","size":"1MiB"}})");
  for (std::uint64_t done = 1; done <= 400; ++done) {
    machine.fillings["d"] = {done, 400};
    clock.advance(std::chrono::seconds(1));
    settle();
  }
  EXPECT_TRUE(answers.empty());
  EXPECT_EQ(service.progress_mark() & 0xffff, 400u);
  EXPECT_EQ(
      parse_json(answer_to(R"({"jsonrpc":"2.0","id":2,"method":"progress"})")).value()["result"],
      Json::parse(
          R"({"busy":true,"step":"add lu d","steps_done":0,"steps":3,"waiting":0,"bytes_done":400,"bytes":400})"));
  answers.clear();
  for (int i = 0; i < 3; ++i) {  // its step has its limit, too
    clock.advance(std::chrono::seconds(31));
    settle();
  }
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_NE(answers[0].find("add lu d: no answer within 30s"), std::string::npos) << answers[0];
}

TEST_F(DispatcherTest, WhenNothingIsBeingDoneThereIsNoProgress) {
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","id":2,"method":"progress"})"),
            R"({"id":2,"jsonrpc":"2.0","result":{"busy":false}})");
}

}  // namespace
}  // namespace ctl
