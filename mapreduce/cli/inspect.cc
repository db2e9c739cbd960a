#include "common/cli/cli.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/plan/plugin_info.h"

namespace quern::mr {
namespace {

// What a plugin says of itself; none of its code is run.
class Inspect final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&paths_, 1); }

  absl::StatusOr<int> Run(Session* session) override {
    for (const std::string& path : paths_) {
      const absl::StatusOr<PluginInfo> plugin = ReadPlugin(path);
      if (!plugin.ok()) {
        session->Report("mr inspect", plugin.status());
        return kExitRejected;
      }
      if (session->json) {
        PrintJson(path, *plugin);
      } else {
        Print(path, *plugin);
      }
    }
    return kExitOk;
  }

 private:
  static void Print(const std::string& path, const PluginInfo& plugin) {
    Out().Format("{}: plugin for API version {}, {}, hash {}\n", path, plugin.api_version,
                 FormatBinarySize(plugin.size_bytes), plugin.hash);
    for (const PluginInfo::Class& one : plugin.classes) {
      Out().Format("  {:<12} {}\n", ClassKindName(one.kind), one.name);
    }
  }
  static void PrintJson(const std::string& path, const PluginInfo& plugin) {
    std::vector<JsonLine> classes;
    for (const PluginInfo::Class& one : plugin.classes) {
      classes.emplace_back();
      classes.back().Add("kind", ClassKindName(one.kind)).Add("name", one.name);
    }
    Out().Format("{}\n", JsonLine()
                             .Add("path", path)
                             .Add("api_version", plugin.api_version)
                             .Add("size_bytes", plugin.size_bytes)
                             .Add("hash", plugin.hash)
                             .Add("classes", classes)
                             .ToString());
  }

  std::vector<std::string> paths_;
};

}  // namespace

CommandSpec InspectCommand() {
  return {.name = "inspect",
          .aliases = {},
          .usage = "PLUGIN.so...",
          .summary = "classes of a plugin, read without running its code",
          .examples = {"mr inspect build/release/lib/quern/jobs/libwordcount.so"},
          .make = Maker<Inspect>("inspect")};
}

}  // namespace quern::mr
