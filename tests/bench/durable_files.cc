// durable_files DIR CALLERS COUNT COPIES: what a plain program does to keep small files: COUNT
// files of 1 KiB, each written, fdatasynced and renamed into its place COPIES times, in directories
// of their own below DIR. The yardstick of small files. Prints files a second.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/bench/run_callers.h"

namespace {

void WriteDurably(const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".part";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool written =
      fd >= 0 && write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      fdatasync(fd) == 0 && close(fd) == 0 && std::rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return;
  std::perror(path.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: durable_files DIR CALLERS COUNT COPIES\n");
    return 2;
  }
  const std::string dir = argv[1];
  const int copies = std::atoi(argv[4]);
  for (int copy = 0; copy < copies; ++copy) {
    std::filesystem::create_directories(fmt::format("{}/{}", dir, copy));
  }
  const std::string bytes(1024, 'x');
  const double rate = quern::bench::RunCallers(std::atoi(argv[2]), std::atoi(argv[3]), [&](int n) {
    for (int copy = 0; copy < copies; ++copy) {
      WriteDurably(fmt::format("{}/{}/f{}", dir, copy, n), bytes);
    }
  });
  fmt::print("{:.0f}\n", rate);
  return 0;
}
