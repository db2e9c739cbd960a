// What a FakeDfs knows, for the files that it is made of.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "quern/dfs/v1/types.pb.h"
#include "tests/support/fake_dfs.h"

namespace quern::testing {

namespace pb = ::quern::dfs::v1;

struct FakeChunk {
  std::string bytes;
  std::vector<std::pair<uint64_t, uint64_t>> ends;  // (seq, end) of every piece
  bool forgot = false;                              // what was acknowledged
  bool sealed = false;
  uint32_t primary = 0;
};

struct FakeFile {
  std::string path;
  std::vector<uint64_t> chunks;
  bool complete = false;
};

// Calls of one kind that wait for one another.
struct Gathering {
  int wanted = 0;
  int now = 0;
  int most = 0;
};

struct FakeDfs::State {
  explicit State(const Options& fake_options) : options(fake_options) {}

  const Options options;
  Mutex mutex;
  std::vector<pb::ServerAddress> servers ABSL_GUARDED_BY(mutex);
  std::map<uint64_t, FakeFile> files ABSL_GUARDED_BY(mutex);
  std::map<uint64_t, FakeChunk> chunks ABSL_GUARDED_BY(mutex);
  std::map<std::pair<uint64_t, uint64_t>, std::string> answers ABSL_GUARDED_BY(mutex);
  std::function<FrameAction(uint32_t)> frame_script ABSL_GUARDED_BY(mutex);
  std::function<bool()> lost_answer_script ABSL_GUARDED_BY(mutex);
  std::function<bool()> look_up_script ABSL_GUARDED_BY(mutex);
  std::map<uint32_t, ReadFault> read_faults ABSL_GUARDED_BY(mutex);
  std::function<void()> late_read_script ABSL_GUARDED_BY(mutex);
  std::vector<Read> reads ABSL_GUARDED_BY(mutex);
  bool no_copies ABSL_GUARDED_BY(mutex) = false;
  int room_for_files ABSL_GUARDED_BY(mutex) = 1000;
  bool seal_apart ABSL_GUARDED_BY(mutex) = false;
  Gathering resolves ABSL_GUARDED_BY(mutex);
  Gathering completes ABSL_GUARDED_BY(mutex);
  CondVar call_came;
  int abandoned ABSL_GUARDED_BY(mutex) = 0;
  int abandoning_calls ABSL_GUARDED_BY(mutex) = 0;
  std::map<std::string, int> renewals ABSL_GUARDED_BY(mutex);  // by path
  int awaited_copies ABSL_GUARDED_BY(mutex) = 0;
  std::vector<uint32_t> reported_bad ABSL_GUARDED_BY(mutex);
  std::vector<uint64_t> expected_bytes ABSL_GUARDED_BY(mutex);
  std::vector<uint32_t> excluded_servers ABSL_GUARDED_BY(mutex);
  int files_with_chunk ABSL_GUARDED_BY(mutex) = 0;
  int seals_with_complete ABSL_GUARDED_BY(mutex) = 0;
  int whole_messages ABSL_GUARDED_BY(mutex) = 0;

  FakeFile* Find(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (auto& [inode, file] : files) {
      if (file.complete && file.path == path) return &file;
    }
    return nullptr;
  }
};

}  // namespace quern::testing
