#include "mapreduce/plan/plugin_check.h"

#include <memory>
#include <string_view>
#include <utility>

namespace quern::mr {
namespace {

// What `mr` brings along lies there; side files may lie at users' paths as well.
constexpr std::string_view kUploads = "/.quern/plugins/";

absl::Status Resolve(const PluginInfo& plugin, ClassKind kind, std::string* name) {
  if (!name->empty()) return CheckHasClass(plugin, kind, *name);
  ASSIGN_OR_RETURN(*name, OnlyClass(plugin, kind));
  return absl::OkStatus();
}

// A fold is its own combiner: its map tasks send states, which nothing else understands.
absl::Status UseFold(pb::JobSpec::Reduce* reduce) {
  if (!reduce->combiner().empty() && reduce->combiner() != reduce->reducer()) {
    return InvalidArgumentError(
        "reduce.combiner: {}: the fold {} combines itself. Try: leave it out", reduce->combiner(),
        reduce->reducer());
  }
  reduce->set_combiner(reduce->reducer());
  return absl::OkStatus();
}

absl::Status ResolveReducer(const PluginInfo& plugin, pb::JobSpec::Reduce* reduce) {
  const std::vector<std::string> folds = plugin.Names(ClassKind::kFold);
  if (reduce->reducer().empty() && plugin.Names(ClassKind::kReducer).empty() && !folds.empty()) {
    ASSIGN_OR_RETURN(*reduce->mutable_reducer(), OnlyClass(plugin, ClassKind::kFold));
  }
  if (HasClass(plugin, ClassKind::kFold, reduce->reducer())) return UseFold(reduce);
  RETURN_IF_ERROR(Resolve(plugin, ClassKind::kReducer, reduce->mutable_reducer()));
  if (reduce->combiner().empty()) return absl::OkStatus();
  return CheckHasClass(plugin, ClassKind::kCombiner, reduce->combiner());
}

// A file that a job brings along has to be there still, and as it was, when its tasks ask for it.
absl::StatusOr<std::unique_ptr<client::FileReader>> OpenBrought(client::FileSystem* dfs,
                                                                std::string_view what,
                                                                const pb::JobSpec::Plugin& file) {
  absl::StatusOr<std::unique_ptr<client::FileReader>> reader = dfs->Open(file.path());
  if (absl::IsNotFound(reader.status())) {
    const bool uploaded = file.path().starts_with(kUploads);
    return NotFoundError("{}: {}: is not there any more. Try: {}", what, file.path(),
                         uploaded ? "mr run, which brings it along" : "put it there again");
  }
  RETURN_IF_ERROR(reader.status());
  const uint64_t size = (*reader)->status().length;
  if (size != file.size_bytes()) {
    return DataLossError("{}: {}: has {} bytes, the job says {}. Try: submit again", what,
                         file.path(), size, file.size_bytes());
  }
  return reader;
}

}  // namespace

absl::Status ResolveClasses(const PluginInfo& plugin, pb::JobSpec* spec) {
  for (pb::JobSpec::Input& input : *spec->mutable_inputs()) {
    RETURN_IF_ERROR(Resolve(plugin, ClassKind::kMapper, input.mutable_mapper()));
  }
  pb::JobSpec::Reduce* reduce = spec->mutable_reduce();
  // A plugin without reducers makes a map-only job unless its user says otherwise.
  if (!reduce->has_tasks() && reduce->reducer().empty() &&
      plugin.Names(ClassKind::kReducer).empty() && plugin.Names(ClassKind::kFold).empty()) {
    reduce->set_tasks(0);
  }
  if (reduce->has_tasks() && reduce->tasks() == 0) return absl::OkStatus();
  RETURN_IF_ERROR(ResolveReducer(plugin, reduce));
  const std::string& partitioner = reduce->partitioner();
  if (partitioner == "hash" || partitioner == "range") return absl::OkStatus();
  return CheckHasClass(plugin, ClassKind::kPartitioner, partitioner);
}

absl::Status CheckSideFiles(client::FileSystem* dfs, const pb::JobSpec& spec) {
  for (const pb::JobSpec::SideFile& side : spec.files()) {
    const std::string what = fmt::format("side file {}", side.name());
    RETURN_IF_ERROR(OpenBrought(dfs, what, side.file()).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<PluginInfo> PluginChecker::Check(const pb::JobSpec::Plugin& plugin) {
  // Also for one that is known: what nothing has used for a while is removed.
  ASSIGN_OR_RETURN(const auto reader, OpenBrought(dfs_, "plugin", plugin));
  {
    MutexLock lock(&mutex_);
    const auto it = known_.find(plugin.hash());
    if (it != known_.end() && it->second.size_bytes == plugin.size_bytes()) return it->second;
  }
  const uint64_t size = plugin.size_bytes();
  if (size > kMaxPluginBytes) {
    return DataLossError("{}: has {} bytes, more than {}. Try: submit again", plugin.path(), size,
                         kMaxPluginBytes);
  }
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, reader->Pread(0, size, bytes.data()));
  bytes.resize(got);
  ASSIGN_OR_RETURN(PluginInfo info, ParsePlugin(plugin.path(), bytes));
  if (info.hash != plugin.hash()) {
    return DataLossError("{}: its contents do not match its hash. Try: submit again",
                         plugin.path());
  }
  MutexLock lock(&mutex_);
  return known_[plugin.hash()] = std::move(info);
}

}  // namespace quern::mr
