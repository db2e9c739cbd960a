#include "client/shell/registry.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/status_matchers.h"

namespace quern::shell {
namespace {

TEST(Registry, EveryCommandHasHelpWithTwoExamplesAndANameOfItsOwn) {
  std::set<std::string> names;
  const Program& program = DfsProgram();
  for (const CommandSpec& spec : program.commands) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    for (const std::string& alias : spec.aliases) {
      EXPECT_TRUE(names.insert(alias).second) << alias;
    }
    EXPECT_FALSE(spec.summary.empty()) << spec.name;
    EXPECT_GE(spec.examples.size(), 2u) << spec.name;
    CommandLine line;
    const auto command = spec.make();
    command->Define(&line);
    line.Parse({}).IgnoreError();  // flags that cannot be defined end the process
    EXPECT_EQ(LookUpCommand(program, spec.name), &spec);
  }
}

TEST(Registry, RmTakesHadoopsWordForAtOnceAndSaysThatThereIsNoTrash) {
  for (const std::string flag : {"--skip-trash", "--skipTrash", "-skipTrash"}) {
    const auto command = LookUpCommand(DfsProgram(), "rm")->make();
    CommandLine line;
    command->Define(&line);
    EXPECT_OK(line.Parse({"-r", flag, "/x"})) << flag;
    EXPECT_NE(line.FlagHelp().find("there is no trash"), std::string::npos);
  }
}

TEST(Registry, WhatIsNoPathIsNoAnswerOfTest) {
  const auto command = LookUpCommand(DfsProgram(), "test")->make();
  CommandLine line;
  command->Define(&line);
  ASSERT_OK(line.Parse({"-e", "in"}));
  ASSERT_OK_AND_ASSIGN(const int exit_code, command->Run());
  EXPECT_EQ(exit_code, 2);
}

}  // namespace
}  // namespace quern::shell
