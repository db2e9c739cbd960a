// _MANIFEST.json: what a finished job left in its output directory. Written before the directory is
// published, by the coordinator and by local mode alike.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

struct Manifest {
  struct Part {
    std::string name;  // part-r-00000
    uint64_t bytes = 0;
    uint64_t records = 0;
    uint32_t crc32c = 0;
  };
  // A named output, in the manifest of the main one.
  struct Output {
    std::string name;
    std::string path;
    uint64_t bytes = 0;
    uint64_t records = 0;
  };
  std::string job_id;
  std::string job_name;
  std::string output;                 // its name; empty: the main one
  std::vector<Part> parts;            // in the order of the tasks
  std::vector<Part> skipped;          // records set aside, of the main one: _skipped/part-m-00000
  std::vector<Output> outputs;        // the job's others; only of the main one
  std::vector<pb::Counter> counters;  // sums over the chosen attempts, sorted by group and name
  std::set<std::string> directories;  // of other outputs, with manifests of their own
};

inline constexpr char kManifestName[] = "_MANIFEST.json";
// An empty file that says: every part is there.
inline constexpr char kSuccessName[] = "_SUCCESS";
// The directory of records that were set aside, when there are any.
inline constexpr char kSkippedName[] = "_skipped";

// JSON, ending with a line feed.
std::string FormatManifest(const Manifest& manifest);

// The same manifest for a directory in which these others lie, and no others. InvalidArgument when
// the text is no manifest.
absl::StatusOr<std::string> WithDirectories(const std::string& manifest,
                                            const std::set<std::string>& directories);

// What a manifest says: its job, directories, and parts and skipped parts with their lengths and
// checksums. Nothing of a text that is none.
std::optional<Manifest> ParseManifest(std::string_view text);

// What a manifest says of the directory that it lies in; nothing of a text that is none.
struct ManifestNames {
  std::set<std::string> files;  // of the output itself; _skipped where there is one
  std::set<std::string> directories;
};
std::optional<ManifestNames> NamesInManifest(std::string_view manifest);

// Adds `counters` to `total`, which stays sorted by group and name.
void AddCounters(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                 std::vector<pb::Counter>* total);

}  // namespace quern::mr
