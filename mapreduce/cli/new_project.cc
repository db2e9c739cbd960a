#include "mapreduce/cli/new_project.h"

#include <algorithm>
#include <string_view>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/storage/file_io.h"
#include "mapreduce/cli/command.h"

namespace quern::mr {
namespace {

constexpr size_t kMaxNameBytes = 60;
// Targets that CMake makes in every project or keeps for itself (CMP0037, CMP0171): it refuses a
// library of that name.
constexpr std::string_view kTargetsOfCmake[] = {"all",
                                                "clean",
                                                "codegen",
                                                "depend",
                                                "edit_cache",
                                                "help",
                                                "install",
                                                "package",
                                                "list_install_components",
                                                "package_source",
                                                "preinstall",
                                                "rebuild_cache",
                                                "test"};

constexpr std::string_view kJob = R"(// @NAME@: how often does each word occur? Make it yours.
@INCLUDE@ "mapreduce/api/mapreduce.h"

class Words : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    for (std::string_view word : quern::text::Words(in.value())) Emit(word, 1);
  }
};
QUERN_REGISTER_MAPPER(Words);

using quern::SumOf;
QUERN_REGISTER_FOLD(SumOf);
)";

constexpr std::string_view kSpec = R"(# mr run @NAME@.toml IN OUT
# mr run --local @NAME@.toml file:///etc/services file:///tmp/@NAME@
name = "@NAME@"
plugin = "@NAME@.cc"    # compiled when it has changed

[[input]]
format = "text"
mapper = "Words"

[reduce]
class = "SumOf"
)";

constexpr std::string_view kTest = R"(// The classes, and the job as a whole, on records in memory.
@INCLUDE@ "@NAME@.cc"

@INCLUDE@ <stdexcept>

@INCLUDE@ "mapreduce/api/testing.h"

using quern::testing::Records;

int main() {
  const Records lines = {{"0", "to be or not"}, {"13", "to be"}};
  const auto words = quern::testing::RunMapper<Words>(lines);
  const auto job = quern::testing::RunJob<Words, SumOf>(lines);
  const bool good = words.records.size() == 6 && job.failure.empty() &&
                    job.records == Records{{"be", "2"}, {"not", "1"}, {"or", "1"}, {"to", "2"}};
  if (!job.failure.empty()) throw std::runtime_error(job.failure);
  return good ? 0 : 1;
}
)";

constexpr std::string_view kBuild =
    R"(# cmake -B build && cmake --build build && ctest --test-dir build
# Quern elsewhere than in /usr or /usr/local: -DCMAKE_PREFIX_PATH=WHERE
cmake_minimum_required(VERSION 3.23)
project(@NAME@ LANGUAGES CXX)
find_package(Quern REQUIRED)
enable_testing()

quern_add_job(@NAME@ @NAME@.cc)    # lib@NAME@.so: mr run build/lib@NAME@.so IN OUT

add_executable(@NAME@_test @NAME@_test.cc)
target_link_libraries(@NAME@_test PRIVATE Quern::api)
add_test(NAME @NAME@ COMMAND @NAME@_test)
)";

void Replace(std::string_view mark, std::string_view by, std::string* text) {
  for (size_t at = 0; (at = text->find(mark, at)) != std::string::npos; at += by.size()) {
    text->replace(at, mark.size(), by);
  }
}

std::string Fill(std::string_view text, const std::string& name) {
  std::string filled(text);
  Replace("@NAME@", name, &filled);
  Replace("@INCLUDE@", "#include", &filled);  // not this file's
  return filled;
}

class New final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&names_, 1, 1); }

  absl::StatusOr<int> Run(Session*) override {
    const auto files = MakeProject(names_[0]);
    if (!files.ok()) return UsageError(Message(files.status()));
    if (FileSystem::Real()->Exists(names_[0])) {
      return AlreadyExistsError("{}: is there already. Try: another name", names_[0]);
    }
    RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(names_[0]));
    for (const auto& [file, text] : *files) {
      const std::string path = fmt::format("{}/{}", names_[0], file);
      RETURN_IF_ERROR(WriteFileDurably(FileSystem::Real(), path, text));
      Out().Format("{}\n", path);
    }
    Err().Format("Try: mr run --local {0}/{0}.toml file:///etc/services file:///tmp/{0}\n",
                 names_[0]);
    return kExitOk;
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> MakeProject(const std::string& name) {
  const bool good = !name.empty() && name.size() <= kMaxNameBytes && name[0] >= 'a' &&
                    name[0] <= 'z' && std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                    });
  if (!good) {
    return InvalidArgumentError(
        "'{}': a name begins with a small letter and has small letters, digits and _ in it",
        CleanLine(name, 100));
  }
  if (std::ranges::find(kTargetsOfCmake, name) != std::end(kTargetsOfCmake)) {
    return InvalidArgumentError("'{0}': CMake has a target of this name. Try: my_{0}", name);
  }
  std::map<std::string, std::string> files;
  files[name + ".cc"] = Fill(kJob, name);
  files[name + ".toml"] = Fill(kSpec, name);
  files[name + "_test.cc"] = Fill(kTest, name);
  files["CMakeLists.txt"] = Fill(kBuild, name);
  return files;
}

CommandSpec NewCommand() {
  return {.name = "new",
          .aliases = {},
          .usage = "NAME",
          .summary = "write a job to begin with: source, spec, test, CMakeLists.txt",
          .examples = {"mr new my_job", "mr run --local my_job/my_job.toml file:///in file:///out"},
          .make = Maker<New>("new")};
}

}  // namespace quern::mr
