#include "mapreduce/plan/plugin_check.h"

#include <utility>

namespace quern::mr {
namespace {

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
  if (reduce->reducer().empty() && plugin.Names(ClassKind::kReducer).empty() && folds.size() == 1) {
    reduce->set_reducer(folds[0]);
  }
  if (HasClass(plugin, ClassKind::kFold, reduce->reducer())) return UseFold(reduce);
  RETURN_IF_ERROR(Resolve(plugin, ClassKind::kReducer, reduce->mutable_reducer()));
  if (reduce->combiner().empty()) return absl::OkStatus();
  return CheckHasClass(plugin, ClassKind::kCombiner, reduce->combiner());
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

absl::StatusOr<PluginInfo> PluginChecker::Check(const pb::JobSpec::Plugin& plugin) {
  {
    MutexLock lock(&mutex_);
    const auto it = known_.find(plugin.hash());
    if (it != known_.end() && it->second.size_bytes == plugin.size_bytes()) return it->second;
  }
  ASSIGN_OR_RETURN(const auto reader, dfs_->Open(plugin.path()));
  const uint64_t size = reader->status().length;
  if (size != plugin.size_bytes() || size > kMaxPluginBytes) {
    return DataLossError("{}: has {} bytes, the job says {}. Try: submit again", plugin.path(),
                         size, plugin.size_bytes());
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
