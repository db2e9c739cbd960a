// quern: a whole cluster on this machine.
#include <CLI/CLI.hpp>

#include "common/cli/cli.h"
#include "common/version.h"
#include "deploy/local/commands.h"

namespace {

// " (did you mean 'up'?)" when `word` is near one of the commands.
std::string Suggestion(const CLI::App& app, const std::string& word) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
  const std::string near = quern::DidYouMean(word, commands);
  return near.empty() || near == word ? "" : " (did you mean '" + near + "'?)";
}

}  // namespace

int main(int argc, char** argv) {
  using namespace quern::local;
  CLI::App app("quern: starts, stops and shows a whole Quern cluster on this machine", "quern");
  app.set_version_flag("--version", quern::VersionString());
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  quern up                              master, 3 chunkservers, coordinator, 2 workers\n"
      "  quern up --dir /tmp/q --port_base 0 --detach\n"
      "  eval \"$(quern env)\"; dfs ls /\n"
      "  quern status --json\n"
      "  quern down");

  UpOptions up;
  std::string dir;
  std::string restart = "always";
  bool json = false;
  const auto add = [&](const char* name, const char* help) {
    CLI::App* const command = app.add_subcommand(name, help);
    command->add_option("--dir", dir, "the cluster's directory (default: ~/.quern)");
    return command;
  };
  CLI::App* const up_command = add("up", "start a cluster; without --detach, Ctrl-C stops it");
  up_command->add_option("--chunkservers", up.chunkservers, "how many (default: 3, or as before)");
  up_command->add_option("--workers", up.workers, "how many (default: 2, or as before)");
  up_command->add_option("--port_base", up.port_base,
                         "first RPC port (default: 9400, or as before); 0: any free ports");
  up_command->add_option("--replication", up.replication,
                         "copies of a new file (default: 3, or the number of chunkservers)");
  up_command->add_option("--restart", restart, "whether dead servers are started again")
      ->check(CLI::IsMember({"always", "never"}))
      ->capture_default_str();
  up_command->add_flag("--detach", up.detach, "return when the cluster can serve");
  CLI::App* const down_command = add("down", "stop a cluster; its data are kept");
  CLI::App* const status_command = add("status", "show the processes of a cluster");
  status_command->add_flag("--json", json, "one object per process and line");
  CLI::App* const env_command = add("env", "print the exports that make a shell use a cluster");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "quern: %s%s. Try: quern --help\n", error.what(),
                 Suggestion(app, argc > 1 ? argv[1] : "").c_str());
    return quern::kExitUsage;
  }
  up.dir = dir;
  up.restart = restart == "always";
  if (*up_command) return RunUp(up);
  if (*down_command) return RunDown(dir);
  if (*status_command) return RunStatus(dir, json);
  if (*env_command) return RunEnv(dir);
  return quern::kExitUsage;
}
