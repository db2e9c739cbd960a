#include "mapreduce/worker/output_tables.h"

#include <fmt/format.h>

#include <algorithm>

#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

constexpr int kOutputsPerMessage = 2'000;

}  // namespace

void OutputTables::StartSession() {
  for (auto& [job, table] : tables_) table.asked = false;
}

std::optional<OutputTables::Want> OutputTables::Ask(const std::string& job_id) {
  Table& table = tables_[job_id];
  if (table.asked) return std::nullopt;
  table.asked = true;
  Want want;
  want.set_job_id(job_id);
  want.set_term(table.term);
  want.set_version(table.version);
  return want;
}

OutputTables::Outputs OutputTables::Apply(const pb::WorkerOrder::OutputDelta& delta,
                                          uint64_t term) {
  Outputs added;
  const auto found = tables_.find(delta.job_id());
  if (found == tables_.end()) return added;
  Table& table = found->second;
  table.asked = false;
  if (delta.from() == 0) {
    table = {};
    table.term = term;
  }
  if (table.term != term || table.version != delta.from()) {
    table = {};  // from the beginning, then
    return added;
  }
  for (const auto& holder : delta.holders()) {
    table.holders[holder.id()] = {holder.address(), holder.node(), holder.directory()};
  }
  const int entries =
      std::min({delta.map_tasks_size(), delta.attempts_size(), delta.holder_ids_size()});
  for (int i = 0; i < entries; ++i) {
    const Place place = {delta.attempts(i), delta.holder_ids(i)};
    table.places[delta.map_tasks(i)] = place;
    Append(table, delta.map_tasks(i), place, delta.job_id(), &added);
  }
  table.version = delta.to();
  return added;
}

OutputTables::Outputs OutputTables::Known(const std::string& job_id) const {
  Outputs known;
  const auto found = tables_.find(job_id);
  if (found == tables_.end()) return known;
  for (const auto& [map_task, place] : found->second.places) {
    Append(found->second, map_task, place, job_id, &known);
  }
  return known;
}

void OutputTables::Append(const Table& table, uint32_t map_task, const Place& place,
                          const std::string& job_id, Outputs* outputs) {
  const auto holder = table.holders.find(place.holder);
  if (holder == table.holders.end()) return;
  if (outputs->empty() || outputs->back().outputs_size() == kOutputsPerMessage) {
    outputs->emplace_back().set_job_id(job_id);
  }
  pb::MapOutput* output = outputs->back().add_outputs();
  output->set_map_task(map_task);
  output->set_attempt(place.attempt);
  output->set_address(holder->second.address);
  output->set_node(holder->second.node);
  if (holder->second.directory.empty()) return;
  pb::AttemptId id;
  id.set_kind(pb::TASK_KIND_MAP);
  id.set_task(map_task);
  id.set_attempt(place.attempt);
  output->set_data_path(
      fmt::format("{}/{}/{}", holder->second.directory, FormatAttempt(id), kMapOutputName));
}

}  // namespace quern::mr
