// What the main() of every server does: read flags, environment and configuration file, start, say
// READY on stdout, wait for SIGTERM or SIGINT, stop.
//
//   int main(int argc, char** argv) {
//     MasterOptions options;
//     quern::ServerRole role;
//     role.name = "master";
//     role.default_port = 9400;
//     role.flags = {quern::MakeNumberFlag("replication", &replication, {1, 16}, "copies of a
//     file")}; role.start = [&](const quern::ServerFlags& flags) { return StartMaster(flags,
//     options); }; return quern::RunServer(argc, argv, std::move(role));
//   }
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/flags.h"
#include "common/log.h"
#include "common/status.h"

namespace quern {

// What every server understands. Precedence: flags > environment (QUERN_LISTEN) > TOML file.
struct ServerFlags {
  std::string listen;             // HOST:PORT of the RPC server; port 0 = any free one
  std::string advertise;          // HOST:PORT that others are told; empty: see AdvertisedAddress
  std::string http;               // HOST:PORT of the pages; default: the RPC port + 100
  std::vector<std::string> dirs;  // --dir; one, or several disks separated by commas
  std::string node;               // machine name, for locality; default: the host name
  std::string rack = "/default-rack";
  std::vector<std::string> masters;  // --master
  std::string log_format = "text";   // text | json
  bool insecure_network = false;     // may listen beyond loopback
  std::string config;                // TOML file with any of these
};

// HOST:PORT for others: --advertise, or `bound` (the address that is really listened on), or the
// host name in place of a wildcard.
std::string AdvertisedAddress(const ServerFlags& flags, std::string_view bound);

// A started server. Shutdown is called once, from the main thread, before the destructor.
class RunningServer {
 public:
  virtual ~RunningServer() = default;
  virtual std::string rpc_address() const = 0;   // HOST:PORT
  virtual std::string http_address() const = 0;  // HOST:PORT
  virtual void Shutdown() = 0;
};

struct ServerRole {
  std::string name;         // "master": the binary is quern-master
  std::string description;  // one sentence for --help
  std::string examples;     // shown at the end of --help, one command per line
  int default_port = 0;
  std::vector<std::string> default_dirs;
  std::vector<Flag> flags;  // besides ServerFlags
  std::function<absl::StatusOr<std::unique_ptr<RunningServer>>(const ServerFlags&)> start;
  // SIGTERM or SIGINT while it starts: so long for the start to end, and for the server to be
  // stopped properly. A start that waits for a disk that hangs is left where it is, and the process
  // ends.
  absl::Duration start_grace = absl::Seconds(5);
  // So long for a stop: then the process ends although something in it hangs. With the other less
  // than the 30 s after which whoever started it may kill it.
  absl::Duration stop_grace = absl::Seconds(20);
};

// The exit code for main: 0 stopped by SIGTERM, 1 failed, 2 wrong usage, 130 stopped by SIGINT,
// also while it started. Prints one line when it serves: READY role=master rpc=127.0.0.1:9400
// http=127.0.0.1:9500. Does not return after a start that failed: the process ends at once.
int RunServer(int argc, char** argv, ServerRole role);

// The same without the process: fills `flags` and the role's own flags. Text to print and exit code
// when there is nothing to run (--help, --version, wrong usage).
struct ParsedServerFlags {
  ServerFlags flags;
  int exit_code = -1;  // -1: go on
  std::string output;  // for stdout when exit_code is 0, else for stderr
};
ParsedServerFlags ParseServerFlags(const std::vector<std::string>& arguments,
                                   const ServerRole& role);

}  // namespace quern
