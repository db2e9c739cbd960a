// What a cached build was made of: the contents of every file that the compiler read.
//
// Times say too little: a header may be replaced by an older one, or saved while the compiler runs.
// So a build is used again only while all those files have the bytes that they had, as in ccache's
// direct mode; and one during which a file changed is not recorded at all. A file that did not
// exist then and would be found first now is not noticed.
//
// On disk: a line "HASH PATH" for the result itself and for each file, HASH being 32 hexadecimal
// digits of XXH3-128.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"

namespace quern::mr {

class BuildRecord {
 public:
  // `path` is where the record is kept.
  explicit BuildRecord(std::string path) : path_(std::move(path)) {}

  // Call before the compiler starts and before anything is read for it.
  absl::Status Begin();
  // The compiler has made `result` from these files. Records that, unless one of them was changed
  // since Begin.
  absl::Status End(const std::string& result, const std::vector<std::string>& files);

  // True when `result` and every file are as they were recorded.
  bool IsFresh(const std::string& result) const;

 private:
  const std::string path_;
  int64_t begun_ns_ = 0;  // by the clock that stamps files
};

// The files of a make rule, as compilers write it with -MD: "target: a.cc b\ c.h \".
std::vector<std::string> ParseMakeRule(const std::string& rule);

}  // namespace quern::mr
