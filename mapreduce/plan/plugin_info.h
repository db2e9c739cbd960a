// What a plugin says of itself, read from its bytes without running any of its code.
//
// A plugin is an ELF shared object for this machine with notes of the name "Quern" (see
// mapreduce/api/quern.h). dlopen of a damaged file can end the process, so everything is checked
// here first: by `mr` before the upload, by the coordinator at submit, and in every task.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/api/quern.h"

namespace quern::mr {

// Values as in the note.
enum class ClassKind : uint32_t {
  kMapper = QUERN_MAPPER,
  kReducer = QUERN_REDUCER,
  kCombiner = QUERN_COMBINER,
  kPartitioner = QUERN_PARTITIONER,
  kFold = QUERN_FOLD,
};
// "mapper", ...
std::string_view ClassKindName(ClassKind kind);

struct PluginInfo {
  struct Class {
    ClassKind kind = ClassKind::kMapper;
    std::string name;
    bool operator==(const Class&) const = default;
  };
  uint32_t api_version = 0;
  std::vector<Class> classes;  // in the order of the file
  uint64_t size_bytes = 0;
  std::string hash;  // XXH3-128, 32 hexadecimal digits

  std::vector<std::string> Names(ClassKind kind) const;
};

// InvalidArgument, starting with `name`, for anything that is not a whole plugin of this API
// version: not an ELF file, another machine's, truncated, without classes.
absl::StatusOr<PluginInfo> ParsePlugin(std::string_view name, std::string_view bytes);
absl::StatusOr<PluginInfo> ReadPlugin(const std::string& path);

// NotFound naming the nearest class of that kind, or all there are.
absl::Status CheckHasClass(const PluginInfo& plugin, ClassKind kind, std::string_view name);
bool HasClass(const PluginInfo& plugin, ClassKind kind, std::string_view name);
// The class to take when the user named none: there must be exactly one of the kind. NotFound when
// there is none, FailedPrecondition when there are several.
absl::StatusOr<std::string> OnlyClass(const PluginInfo& plugin, ClassKind kind);

}  // namespace quern::mr
