#include "mapreduce/cli/compile.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "common/cli/cli.h"
#include "common/hash.h"
#include "common/random.h"
#include "common/storage/file_io.h"
#include "common/subprocess.h"
#include "mapreduce/cli/build_record.h"

namespace quern::mr {
namespace {

namespace fs = std::filesystem;

std::string CacheDir() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return fmt::format("{}/quern", cache);
  }
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return fmt::format("{}/.cache/quern", home);
  return fmt::format("/tmp/quern-cache-{}", getuid());
}

// $CXX may be several words ("ccache g++"), as make takes it.
std::vector<std::string> Compiler() {
  const char* chosen = std::getenv("CXX");
  std::vector<std::string> words = SplitList(chosen == nullptr ? "" : chosen, ' ');
  if (words.empty()) words = {"c++"};
  return words;
}

}  // namespace

std::string BinaryDir() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

absl::StatusOr<std::string> FindIncludeDir() {
  const std::vector<std::string> candidates = {BinaryDir() + "/../include/quern",
                                               BinaryDir() + "/../include", QUERN_SOURCE_DIR};
  for (const std::string& dir : candidates) {
    if (IsRegularFile(dir + "/mapreduce/api/mapreduce.h")) return dir;
  }
  return NotFoundError("mapreduce/api/mapreduce.h: not beside {} and not in {}", BinaryDir(),
                       QUERN_SOURCE_DIR);
}

absl::StatusOr<std::string> CompileJob(const std::string& source) {
  if (!IsRegularFile(source)) return NotFoundError("{}: no such file", source);
  ASSIGN_OR_RETURN(const std::string include, FindIncludeDir());
  const std::string path = fs::path(AbsolutePath(source)).lexically_normal().string();
  std::vector<std::string> command = Compiler();
  command.insert(command.end(),
                 {"-std=c++20", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall",
                  "-I" + include, "-I" + fs::path(path).parent_path().string()});
  std::string key = path;
  for (const std::string& word : command) key += '\0' + word;
  const std::string dir = fmt::format("{}/{}", CacheDir(), HashBytes128(key).ToString());
  const std::string plugin = fmt::format("{}/lib{}.so", dir, fs::path(path).stem().string());
  BuildRecord record(dir + "/record");
  if (record.IsFresh(plugin)) return plugin;
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(dir));
  // Under other names until it is whole: two runs may compile at once.
  const std::string unfinished = fmt::format("{}.{}", plugin, RandomHex(4));
  const std::string rule = unfinished + ".d";
  command.insert(command.end(), {"-MD", "-MF", rule, "-MT", "plugin", "-o", unfinished, path});
  RETURN_IF_ERROR(record.Begin());
  ASSIGN_OR_RETURN(const auto compiler, Subprocess::Spawn(command, {.env = std::nullopt}));
  const ExitStatus exit = compiler->Wait();
  const std::string dependencies = ReadFileToString(FileSystem::Real(), rule).value_or("");
  std::error_code error;
  fs::remove(rule, error);
  if (!exit.ok()) {
    fs::remove(unfinished, error);
    return InvalidArgumentError("{}: does not compile ({})", source, exit.ToString());
  }
  RETURN_IF_ERROR(FileSystem::Real()->Rename(unfinished, plugin));
  RETURN_IF_ERROR(record.End(plugin, ParseMakeRule(dependencies)));
  return plugin;
}

}  // namespace quern::mr
