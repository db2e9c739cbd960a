// mr search
#include <unistd.h>

#include <cerrno>

#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/compile.h"

namespace quern::mr {
namespace {

constexpr int64_t kMaxHits = 10'000;

// Becomes quern-search, which stands beside this program and knows what an index is.
class Search final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Arguments(&words_, 2);
    line->CallArguments("A query");
    line->Number("-k,--limit", "N", &k_, {1, kMaxHits}, "documents to show (default 10)");
    line->Switch("--explain", &explain_, "what the query became, and where each score comes from");
  }

  absl::StatusOr<int> Run(Session* session) override {
    const std::string program = BinaryDir() + "/quern-search";
    // Under its own name, so that errors are those of what was called.
    std::vector<std::string> command = {"mr", "search", "-k", std::to_string(k_)};
    if (session->json) command.push_back("--json");
    if (explain_) command.push_back("--explain");
    if (!session->master_flag.empty()) {
      command.insert(command.end(), {"--master", session->master_flag});
    }
    // A query may begin with a minus sign.
    command.push_back("--");
    command.insert(command.end(), words_.begin(), words_.end());
    std::vector<char*> argv;
    for (std::string& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    RETURN_IF_ERROR(Out().Flush());
    execv(program.c_str(), argv.data());
    return ErrnoStatus(errno, program);
  }

 private:
  std::vector<std::string> words_;
  int64_t k_ = 10;
  bool explain_ = false;
};

}  // namespace

CommandSpec SearchCommand() {
  return {.name = "search",
          .aliases = {},
          .usage = "[-k N] [--json] [--explain] INDEX QUERY...",
          .summary = "the best documents of a search index (mr run search-index)",
          .examples = {"mr search /index free software",
                       "mr search /index 'linux -kernel \"free software\" title:gnu lib*'"},
          .make = Maker<Search>("search")};
}

}  // namespace quern::mr
