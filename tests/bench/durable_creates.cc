// durable_creates DIR CALLERS COUNT: makes empty files in DIR of the file system (QUERN_MASTER).
// A create is durable when it returns. Prints creates a second.
#include <fmt/format.h>

#include <cstdlib>
#include <string>

#include "client/file_system.h"
#include "common/cluster_config.h"
#include "tests/bench/run_callers.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: durable_creates DIR CALLERS COUNT\n");
    return 2;
  }
  quern::client::ClientOptions options;
  auto masters = quern::FindMasters("");
  if (masters.ok()) options.masters = *masters;
  const auto files = quern::client::FileSystem::Create(options);
  const std::string dir = argv[1];
  if (const absl::Status made = files->Mkdirs(dir, {.parents = true}); !made.ok()) {
    fmt::print(stderr, "durable_creates: {}\n", made.ToString());
    return 1;
  }
  const double rate = quern::bench::RunCallers(std::atoi(argv[2]), std::atoi(argv[3]), [&](int n) {
    if (const absl::Status made = files->CreateEmpty(fmt::format("{}/f{}", dir, n)); !made.ok()) {
      fmt::print(stderr, "durable_creates: {}\n", made.ToString());
      std::exit(1);
    }
  });
  fmt::print("{:.0f}\n", rate);
  return 0;
}
