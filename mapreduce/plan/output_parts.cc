#include "mapreduce/plan/output_parts.h"

#include <utility>

#include "mapreduce/plan/file_pattern.h"

namespace quern::mr {
namespace {

void NameFiles(const std::string& pattern, PublishedOutput* output) {
  if (pattern.empty()) return;
  const size_t count = output->files.size();
  for (size_t i = 0; i < count; ++i) {
    output->files[i].part.name = FileNameOf(pattern, i, count);
  }
}

}  // namespace

Manifest MakeManifest(const Manifest& base, const std::vector<PublishedOutput>& outputs,
                      const PublishedOutput& output) {
  Manifest manifest = base;
  manifest.output = output.name;
  for (const PublishedFile& file : output.files) manifest.parts.push_back(file.part);
  for (const PublishedFile& file : output.skipped) manifest.skipped.push_back(file.part);
  if (!output.name.empty()) {
    manifest.counters.clear();
    return manifest;
  }
  for (const PublishedOutput& other : outputs) {
    if (other.name.empty()) continue;
    Manifest::Output& named = manifest.outputs.emplace_back();
    named.name = other.name;
    named.path = other.path;
    for (const PublishedFile& file : other.files) {
      named.bytes += file.part.bytes;
      named.records += file.part.records;
    }
  }
  return manifest;
}

OutputParts::OutputParts(const pb::JobSpec& spec)
    : spec_(spec),
      main_kind_(spec.reduce().tasks() == 0 ? pb::TASK_KIND_MAP : pb::TASK_KIND_REDUCE) {
  outputs_.push_back({"", spec.output().path()});
  for (const pb::JobSpec::NamedOutput& named : spec.outputs()) {
    index_[named.name()] = outputs_.size();
    outputs_.push_back({named.name(), named.output().path()});
  }
}

void OutputParts::Add(pb::TaskKind kind, uint32_t task, const pb::AttemptResult& result) {
  if (kind == main_kind_) {
    outputs_[0].files.push_back(
        {result.output_path(),
         {PublishedPart(kind, task, result.output_path()), result.output_bytes(),
          result.output_records(), result.output_crc()}});
  }
  for (const pb::AttemptResult::NamedFile& file : result.named_files()) {
    Manifest::Part part{PublishedPart(kind, task, file.path()), file.bytes(), file.records(),
                        file.crc()};
    if (file.output() == kSkippedName) {
      part.name = fmt::format("{}/{}", kSkippedName, part.name);
      outputs_[0].skipped.push_back({file.path(), std::move(part)});
    } else if (const auto found = index_.find(file.output()); found != index_.end()) {
      outputs_[found->second].files.push_back({file.path(), std::move(part)});
    }
  }
}

std::vector<PublishedOutput> OutputParts::Take() {
  NameFiles(spec_.output().files(), &outputs_[0]);
  std::vector<PublishedOutput> taken = {std::move(outputs_[0])};
  for (const pb::JobSpec::NamedOutput& named : spec_.outputs()) {
    PublishedOutput& output = outputs_[index_.at(named.name())];
    NameFiles(named.output().files(), &output);
    if (output.path != taken[0].path) {
      taken.push_back(std::move(output));
      continue;
    }
    for (PublishedFile& file : output.files) taken[0].files.push_back(std::move(file));
  }
  return taken;
}

}  // namespace quern::mr
