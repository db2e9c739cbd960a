// A loaded plugin. The only place where user code enters a process: quern-task, nothing else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/api/register.h"
#include "mapreduce/plan/plugin_info.h"

namespace quern::mr {

// Never unloaded: user code may have left threads or exit handlers behind. Thread-safe.
class Plugin {
 public:
  // Checks the file (plugin_info.h), then loads it. InvalidArgument: no plugin; FailedPrecondition:
  // a library or symbol that it needs is missing.
  static absl::StatusOr<std::unique_ptr<Plugin>> Load(const std::string& path);

  // A new object. NotFound with a suggestion when there is no such class; user's constructors may
  // throw.
  absl::StatusOr<std::unique_ptr<Mapper>> NewMapper(std::string_view name) const;
  absl::StatusOr<std::unique_ptr<Reducer>> NewReducer(std::string_view name) const;
  absl::StatusOr<std::unique_ptr<Reducer>> NewCombiner(std::string_view name) const;
  absl::StatusOr<std::unique_ptr<Partitioner>> NewPartitioner(std::string_view name) const;
  const std::string& path() const { return path_; }
  const PluginInfo& info() const { return info_; }

 private:
  Plugin(std::string path, PluginInfo info, const internal::PluginTable* table)
      : path_(std::move(path)), info_(std::move(info)), table_(table) {}
  template <typename Base>
  absl::StatusOr<std::unique_ptr<Base>> New(ClassKind kind, std::string_view name) const;

  const std::string path_;
  const PluginInfo info_;
  const internal::PluginTable* const table_;
};

}  // namespace quern::mr
