#include "common/cli/cli.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"

namespace quern::mr {
namespace {

class Workers final : public JobCommand {
 public:
  void Define(CommandLine*) override {}

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    ASSIGN_OR_RETURN(const pb::GetWorkersResponse workers, coordinator->GetWorkers());
    Table table({{"WORKER"},
                 {"NODE"},
                 {"RACK"},
                 {"ADDRESS"},
                 {"STATE"},
                 {"SLOTS", Table::Align::kRight},
                 {"RUNNING", Table::Align::kRight}});
    for (const auto& worker : workers.workers()) {
      const std::string state = !worker.alive()              ? "away"
                                : worker.unhealthy().empty() ? "alive"
                                                             : worker.unhealthy();
      if (session->json) {
        Out().Format("{}\n", JsonLine()
                                 .Add("worker", worker.worker_id())
                                 .Add("node", worker.node())
                                 .Add("rack", worker.rack())
                                 .Add("address", worker.address())
                                 .Add("http", worker.http_address())
                                 .Add("alive", worker.alive())
                                 .Add("slots", worker.slots())
                                 .Add("running", worker.running())
                                 .ToString());
      }
      table.AddRow({worker.worker_id(), worker.node(), worker.rack(), worker.address(), state,
                    std::to_string(worker.slots()), std::to_string(worker.running())});
    }
    if (!session->json) Out().Format("{}", table.ToString());
    return kExitOk;
  }
};

}  // namespace

CommandSpec WorkersCommand() {
  return {.name = "workers",
          .aliases = {},
          .usage = "",
          .summary = "machines that run tasks",
          .examples = {"mr workers"},
          .make = Maker<Workers>("workers")};
}

}  // namespace quern::mr
