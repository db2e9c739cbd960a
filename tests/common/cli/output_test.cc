#include "common/cli/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include "common/cli/cli.h"
#include "common/fd.h"
#include "tests/support/status_matchers.h"

namespace quern {
namespace {

using ::testing::HasSubstr;
using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

FilePtr Open(const char* path, const char* mode) { return {std::fopen(path, mode), std::fclose}; }

std::string Contents(std::FILE* file) {
  std::fflush(file);
  std::string bytes(4096, '\0');
  const ssize_t n = pread(fileno(file), bytes.data(), bytes.size(), 0);
  bytes.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return bytes;
}

TEST(Output, WritesToFilesAsItIs) {
  const FilePtr file(std::tmpfile(), std::fclose);
  Output out(file.get());
  out.Print("a\x1b[31m\n");
  EXPECT_OK(out.Write("b\xe9"));
  out.Format("{}\n", 3);
  EXPECT_OK(out.Flush());
  EXPECT_EQ(Contents(file.get()),
            "a\x1b[31m\nb\xe9"
            "3\n");
}

TEST(Output, EscapesControlCharactersOnATerminal) {
  const UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY));
  ASSERT_TRUE(master && grantpt(master.get()) == 0 && unlockpt(master.get()) == 0);
  const FilePtr terminal = Open(ptsname(master.get()), "w");
  ASSERT_NE(terminal, nullptr);
  Output out(terminal.get());
  EXPECT_TRUE(out.is_terminal());
  out.Print("a\x1b[31m\tb\xe9\n");
  ASSERT_OK(out.Flush());
  std::string text;
  char bytes[100];
  while (!text.ends_with('\n')) {  // it may come in pieces
    const ssize_t size = read(master.get(), bytes, sizeof(bytes));
    ASSERT_GT(size, 0) << text;
    text.append(bytes, static_cast<size_t>(size));
  }
  EXPECT_THAT(text, HasSubstr("a\\x1b[31m"));
  EXPECT_THAT(text, HasSubstr("b\\xe9\r\n"));
}

TEST(Output, TheFirstFailureIsKeptAndEndsTheProgramWithOneLine) {
  const FilePtr full = Open("/dev/full", "w");
  const FilePtr errors(std::tmpfile(), std::fclose);
  Output out(full.get());
  Output err(errors.get());
  out.Print(std::string(1 << 20, 'x'));
  EXPECT_TRUE(out.failed());
  EXPECT_THAT(out.Flush(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("No space")));
  EXPECT_EQ(EndOutput("dfs", kExitOk, &out, &err), kExitFailed);
  const std::string line = Contents(errors.get());
  EXPECT_THAT(line, HasSubstr("dfs: writing the output: No space left"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(EndOutput("dfs", kExitUsage, &out, &err), kExitUsage) << "an error of its own stays";
}

TEST(Output, WhatFailsOnlyAtTheEndIsNotLost) {
  const FilePtr full = Open("/dev/full", "w");
  const FilePtr errors(std::tmpfile(), std::fclose);
  Output out(full.get());
  Output err(errors.get());
  out.Print("x");
  EXPECT_FALSE(out.failed()) << "still in the buffer";
  EXPECT_EQ(EndOutput("dfs", kExitOk, &out, &err), kExitFailed);
}

// /dev/full cannot be asked to fail at a close, a descriptor that is no more does.
TEST(Output, WhatFailsOnlyWhenItIsClosedIsNotLost) {
  const FilePtr file(std::tmpfile(), std::fclose);
  const FilePtr errors(std::tmpfile(), std::fclose);
  Output out(file.get());
  Output err(errors.get());
  out.Print("x");
  ASSERT_OK(out.Flush());
  const int copy = dup(fileno(file.get()));
  ASSERT_EQ(close(fileno(file.get())), 0);
  EXPECT_EQ(EndOutput("dfs", kExitOk, &out, &err), kExitFailed);
  EXPECT_THAT(Contents(errors.get()), HasSubstr("dfs: writing the output: "));
  ASSERT_EQ(dup2(copy, fileno(file.get())), fileno(file.get()));
  close(copy);
}

TEST(Output, AReaderThatHasGoneIsNotWorthALine) {
  auto* const handler = std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  const FilePtr pipe(fdopen(ends[1], "w"), std::fclose);
  const FilePtr errors(std::tmpfile(), std::fclose);
  Output out(pipe.get());
  Output err(errors.get());
  out.Print("x");
  EXPECT_EQ(EndOutput("dfs", kExitOk, &out, &err), kExitFailed);
  EXPECT_EQ(Contents(errors.get()), "");
  std::signal(SIGPIPE, handler);
}

TEST(Output, AllThatWasSaidIsWrittenIsFine) {
  const FilePtr file(std::tmpfile(), std::fclose);
  Output out(file.get());
  out.Print("x");
  EXPECT_EQ(EndOutput("dfs", kExitOk, &out, &out), kExitOk);
}

}  // namespace
}  // namespace quern
