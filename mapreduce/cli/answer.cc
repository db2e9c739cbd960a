#include "mapreduce/cli/answer.h"

#include <algorithm>
#include <vector>

#include "client/path.h"
#include "common/cli/output.h"
#include "common/random.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/job_spec_rules.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kKeptUnread = absl::Hours(24);

// Best effort: whoever has no right to it leaves it to others.
void RemoveUnread(client::FileSystem* dfs, absl::Time now) {
  const auto answers = dfs->List(kAnswersDir);
  if (!answers.ok()) return;
  for (const client::FileStatus& answer : *answers) {
    if (now - answer.mtime < kKeptUnread) continue;
    dfs->Delete(answer.path, {.recursive = true}).IgnoreError();
  }
}

}  // namespace

Answer::~Answer() {
  if (dfs_ != nullptr) dfs_->Delete(path_, {.recursive = true}).IgnoreError();
}

absl::Status Answer::Prepare(const Session& session, bool local) {
  if (local) {
    RETURN_IF_ERROR(dir_.Make("answer"));
    path_ = fmt::format("{}{}/answer", kLocalScheme, dir_.path());
    return absl::OkStatus();
  }
  client::ClientOptions options;
  ASSIGN_OR_RETURN(options.masters, session.masters());
  options.clock = session.clock;
  path_ = fmt::format("{}/{}", kAnswersDir, RandomHex(16));
  dfs_ = client::FileSystem::Create(options);
  RemoveUnread(dfs_.get(), session.clock->TimeNow());
  return absl::OkStatus();
}

absl::Status Answer::Print() const {
  RETURN_IF_ERROR(Annotate(dfs_ != nullptr ? PrintFromCluster() : PrintFromHere(), "the answer"));
  return Out().Flush();
}

absl::Status Answer::PrintFromCluster() const {
  ASSIGN_OR_RETURN(const std::vector<client::FileStatus> parts, dfs_->List(path_));
  for (const client::FileStatus& part : parts) {
    if (client::IsHiddenName(part.path)) continue;
    ASSIGN_OR_RETURN(const auto reader, dfs_->Open(part.path));
    const auto stream = reader->Stream(0, reader->status().length);
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, stream->Next());
      if (bytes.empty()) break;
      Out().Print(bytes);
    }
  }
  return absl::OkStatus();
}

absl::Status Answer::PrintFromHere() const {
  const std::string dir = path_.substr(kLocalScheme.size());
  ASSIGN_OR_RETURN(std::vector<std::string> names, FileSystem::Real()->List(dir));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (client::IsHiddenName(name)) continue;
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadFileToString(FileSystem::Real(), fmt::format("{}/{}", dir, name)));
    Out().Print(bytes);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
