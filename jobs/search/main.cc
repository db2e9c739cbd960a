// quern-search: asks indexes that jobs have made.
#include <utility>

#include "common/cli/output.h"
#include "common/cli/program.h"
#include "jobs/search/cli/commands.h"

namespace quern::search {
namespace {

int Main(const std::vector<std::string>& argv) {
  CommandSpec query = QueryCommand();
  // `mr search` becomes this program, and its errors are to be those of `mr search`.
  const bool is_mr = !argv.empty() && argv[0] == "mr";
  if (is_mr) std::swap(query.name, query.aliases[0]);
  const Program program = {
      .name = is_mr ? "mr" : "quern-search",
      .about = "Asks the indexes that jobs have made, and changes them.",
      .commands = {query, ServeCommand(), AddCommand(), DeleteCommand(), MergeCommand(),
                   WordsCommand(), PostingsCommand()},
      .notes = "",
      .examples = {"quern-search query /index 'linux -kernel \"free software\" lib*'",
                   "quern-search serve /index --http 127.0.0.1:9600"},
      .leading_flags = {"--master"},
  };
  return RunProgram(program, argv);
}

}  // namespace
}  // namespace quern::search

int main(int argc, char** argv) {
  quern::EndProcess(quern::search::Main(std::vector<std::string>(argv, argv + argc)));
}
