#include "mapreduce/cli/run_local.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "common/fd.h"
#include "mapreduce/cli/compile.h"

namespace quern::mr {

namespace {

// Becomes quern-task. The spec is in a file without a name: nothing is left behind, however the run
// ends.
absl::StatusOr<int> Become(Session* session, const std::string& flag, const std::string& bytes,
                           std::optional<int64_t> threads) {
  UniqueFd file(memfd_create("quern-job", 0));
  if (!file ||
      write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return ErrnoStatus(errno, "write the spec");
  }
  const std::string binary = BinaryDir() + "/quern-task";
  std::vector<std::string> command = {binary, flag, fmt::format("/proc/self/fd/{}", file.get())};
  if (threads.has_value()) command.insert(command.end(), {"--threads", std::to_string(*threads)});
  if (!session->master_flag.empty()) {
    command.insert(command.end(), {"--master", session->master_flag});
  }
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(binary.c_str(), argv.data());
  return ErrnoStatus(errno, binary);
}

}  // namespace

absl::StatusOr<int> RunLocally(Session* session, pb::JobSpec spec, const std::string& plugin_path,
                               std::optional<int64_t> threads) {
  spec.mutable_plugin()->set_path(std::filesystem::absolute(plugin_path).string());
  return Become(session, "--local", spec.SerializeAsString(), threads);
}

absl::StatusOr<int> RunPipelineLocally(Session* session, const pb::PipelineSpec& spec,
                                       std::optional<int64_t> threads) {
  return Become(session, "--local_pipeline", spec.SerializeAsString(), threads);
}

}  // namespace quern::mr
