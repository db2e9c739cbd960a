// A loaded plugin. The only place where user code enters a process: quern-task, nothing else.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/plan/plugin_info.h"

namespace quern::mr {

// Never unloaded: user code may have left threads or exit handlers behind. Thread-safe.
class Plugin {
 public:
  // Checks the file (plugin_info.h), then loads it. InvalidArgument: no plugin; FailedPrecondition:
  // a library or symbol that it needs is missing.
  static absl::StatusOr<std::unique_ptr<Plugin>> Load(const std::string& path);
  // Of classes that are in this process already, for tests.
  static absl::StatusOr<std::unique_ptr<Plugin>> Of(const std::string& path, PluginInfo info,
                                                    const quern_plugin* table);

  // NotFound with a suggestion when there is no such class.
  absl::StatusOr<const quern_class*> Find(ClassKind kind, std::string_view name) const;
  // Null when there is no such class.
  const quern_class* FindIfThere(ClassKind kind, std::string_view name) const;
  const std::string& path() const { return path_; }
  const PluginInfo& info() const { return info_; }

 private:
  Plugin(std::string path, PluginInfo info) : path_(std::move(path)), info_(std::move(info)) {}

  const std::string path_;
  const PluginInfo info_;
  // As this version knows them: what an older plugin does not have is null.
  std::vector<quern_class> classes_;
};

}  // namespace quern::mr
