// A gate at which tasks of tests/cluster/jobs/gated_words.cc wait.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <string>

#include "common/fd.h"

namespace quern::testing {

// Shut from the start; open for good after Open().
class Gate {
 public:
  explicit Gate(std::string path)
      : path_(std::move(path)), fd_(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    EXPECT_EQ(flock(fd_.get(), LOCK_EX), 0) << path_;
  }
  void Open() { fd_.Reset(); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace quern::testing
