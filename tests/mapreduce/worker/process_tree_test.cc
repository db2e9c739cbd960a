#include "mapreduce/worker/process_tree.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace quern::mr {
namespace {

constexpr size_t kBytes = size_t{40} << 20;

// A child with touched memory of its own, whose child shares it and has one of its own.
class Family {
 public:
  Family() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) {
      setpgid(0, 0);
      void* memory =
          mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(memory, 1, kBytes);
      if (fork() == 0 && fork() == 0) static_cast<void>(!write(ends[1], "x", 1));
      while (true) pause();
    }
    char byte;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
  }
  ~Family() {
    kill(-child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  pid_t pid() const { return child_; }

 private:
  pid_t child_;
};

TEST(ProcessTreeTest, CountsChildrenAndTheirs) {
  const Family family;
  EXPECT_EQ(MeasureTree(family.pid(), 100).processes, 3u);
  EXPECT_EQ(MeasureTree(family.pid(), 2).processes, 2u) << "not beyond the limit";
}

TEST(ProcessTreeTest, SharedMemoryCountsForEachWhenQuickAndOnceWhenExact) {
  const Family family;
  const uint64_t quick = MeasureTree(family.pid(), 100).memory_bytes;
  EXPECT_GE(quick, 3 * kBytes);
  const uint64_t exact = MeasureTreeExactly(family.pid(), 100).memory_bytes;
  EXPECT_GE(exact, kBytes * 9 / 10);
  EXPECT_LE(exact, quick / 2);
}

TEST(ProcessTreeTest, AProcessThatIsGoneUsesNothing) {
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  EXPECT_EQ(MeasureTree(gone, 100).memory_bytes, 0u);
}

}  // namespace
}  // namespace quern::mr
