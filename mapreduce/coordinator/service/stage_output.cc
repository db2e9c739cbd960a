#include "mapreduce/coordinator/service/stage_output.h"

#include <algorithm>

#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

size_t IndexOf(const pb::PipelineSpec& spec, std::string_view stage) {
  size_t i = 0;
  while (spec.stages(static_cast<int>(i)).name() != stage) ++i;
  return i;
}

void AddRead(const pb::PipelineSpec& spec, std::string_view path, size_t reader,
             std::vector<ReusableStage::Read>* reads) {
  const std::optional<StageReference> reference = ParseStageReference(path);
  if (!reference) return;
  const size_t stage = IndexOf(spec, reference->stage);
  if (stage == reader) return;
  const auto outputs = OutputsOf(spec, spec.stages(static_cast<int>(stage)));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].name == reference->output) reads->push_back({stage, i});
  }
}

}  // namespace

std::vector<OutputTarget> OutputsOf(const pb::PipelineSpec& spec, const pb::PipelineStage& stage) {
  const std::string& main = stage.job().output().path();
  std::vector<OutputTarget> outputs = {{"", main, PublishedPath(spec, main)}};
  for (const pb::JobSpec::NamedOutput& named : stage.job().outputs()) {
    if (IsBesideMain(named)) continue;
    const std::string& written = named.output().path();
    outputs.push_back({named.name(), written, PublishedPath(spec, written)});
  }
  return outputs;
}

std::vector<ReusableStage> DescribeOutputs(const pb::PipelineSpec& spec,
                                           const PipelineGraph& graph) {
  std::vector<ReusableStage> stages(graph.stages.size());
  for (size_t i = 0; i < stages.size(); ++i) {
    const pb::PipelineStage& stage = spec.stages(static_cast<int>(i));
    for (const OutputTarget& output : OutputsOf(spec, stage)) {
      stages[i].published.push_back(!output.written.empty());
    }
    for (const size_t read : graph.stages[i].reads)
      stages[i].reads.push_back({read, kOnlyCounters});
    for (const pb::JobSpec::Input& input : stage.job().inputs()) {
      AddRead(spec, input.path(), i, &stages[i].reads);
    }
    AddRead(spec, stage.repeat().first(), i, &stages[i].reads);
  }
  return stages;
}

void SetPlace(const std::string& name, std::string path, pb::StageOutput* output) {
  if (name.empty()) return output->set_path(std::move(path));
  for (pb::StageOutput::Named& named : *output->mutable_named()) {
    if (named.name() == name) return named.set_path(std::move(path));
  }
  pb::StageOutput::Named* named = output->add_named();
  named->set_name(name);
  named->set_path(std::move(path));
}

std::optional<std::string> OwnerOfPath(std::string_view path) {
  const std::string begin = fmt::format("{}/", kPipelinesDir);
  if (!path.starts_with(begin)) return std::nullopt;
  path.remove_prefix(begin.size());
  return std::string(path.substr(0, path.find('/')));
}

std::optional<std::string> OwnerOf(const pb::StageOutput& output) {
  std::optional<std::string> owner = OwnerOfPath(output.path());
  for (const pb::StageOutput::Named& named : output.named()) {
    if (!owner) owner = OwnerOfPath(named.path());
  }
  return owner;
}

bool TakeRounds(const pb::PipelineStage& stage, pb::StageOutput* output) {
  if (!stage.has_repeat()) return true;
  const pb::PipelineStage::Repeat& repeat = stage.repeat();
  if (output->rounds() > repeat.max()) return false;
  const bool settled = output->settled() >= std::max<uint32_t>(1, repeat.in_a_row());
  const bool at_max = output->rounds() == repeat.max();
  output->set_done(settled || (at_max && !repeat.fail_at_max()));
  return true;
}

bool IsTaken(const pb::PipelineSpec& spec, const pb::PipelineStage& stage,
             const pb::StageOutput& output) {
  const std::vector<OutputTarget> outputs = OutputsOf(spec, stage);
  return output.done() && std::any_of(outputs.begin(), outputs.end(), [&](const auto& one) {
           return !one.written.empty() && OwnerOfPath(PlaceOf(output, one.name)).has_value();
         });
}

}  // namespace quern::mr
