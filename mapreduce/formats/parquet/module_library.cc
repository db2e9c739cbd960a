#include "mapreduce/formats/parquet/module_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

#include "common/clean_text.h"

namespace quern::mr::parquet {

namespace {

// Arrow's libraries bring protobuf, simdjson and others along and show them: each side must find
// its own. A sanitizer has to be found first by everybody, and refuses the flag.
#if defined(QUERN_ASAN) || defined(QUERN_TSAN)
constexpr int kLoadFlags = RTLD_NOW | RTLD_LOCAL;
#else
constexpr int kLoadFlags = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
#endif

absl::StatusOr<const Module*> Load(const std::string& path) {
  RETURN_IF_ERROR(CheckModule(path));
  void* const handle = dlopen(path.c_str(), kLoadFlags);
  if (handle == nullptr) {
    return FailedPreconditionError(
        "the format parquet cannot be loaded: {}. Try: Arrow where it was when Quern was built "
        "(docs/formats/parquet.md of its sources)",
        dlerror());
  }
  const auto entry = reinterpret_cast<ModuleEntry>(dlsym(handle, kModuleEntry));
  const Module* const module = entry == nullptr ? nullptr : entry();
  if (module == nullptr || module->version != kModuleVersion) {
    return FailedPreconditionError("{}: is of another version of Quern. Try: build it again", path);
  }
  return module;
}

}  // namespace

std::string ModulePath() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return (program.parent_path().parent_path() / "lib/quern/formats/libquern_parquet.so").string();
}

absl::Status CheckModule(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return absl::OkStatus();
  return FailedPreconditionError(
      "the format parquet is not part of this build, nor of any package: {} is not there. Try: "
      "in the sources of Quern, deploy/install-arrow.sh and a build after it",
      path);
}

absl::StatusOr<const Module*> LoadModule() {
  static const auto* const module = new absl::StatusOr<const Module*>(Load(ModulePath()));
  return *module;
}

absl::Status ToStatus(const Trouble& trouble, const absl::Status& stopped) {
  const std::string text = CleanLine(trouble.text, sizeof(trouble.text));
  switch (trouble.problem) {
    case Problem::kNone:
      return absl::OkStatus();
    case Problem::kDamaged:
      return DataLossError("{}", text);
    case Problem::kWrong:
      return InvalidArgumentError("{}", text);
    case Problem::kMemory:
      return ResourceExhaustedError("{}. Try: a larger limits.memory", text);
    case Problem::kStopped:
      return stopped.ok() ? InternalError("{}", text) : stopped;
  }
  return InternalError("{}", text);
}

}  // namespace quern::mr::parquet
