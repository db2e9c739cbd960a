#include "mapreduce/plan/pipeline_fingerprint.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "common/hash.h"

namespace quern::mr {
namespace {

// Equal messages, equal bytes: maps are written in the order of their keys.
std::string Serialize(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream out(&bytes);
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// What lies between stages has as many copies as the cluster gives it.
void ForgetWhere(bool is_published, pb::JobSpec::Output* output) {
  output->clear_path();
  output->clear_overwrite();
  if (!is_published) output->clear_replication();
}

// What of a stage decides about its output.
std::string Essence(pb::PipelineStage stage, bool is_published) {
  pb::JobSpec* job = stage.mutable_job();
  job->clear_name();
  job->clear_user();
  job->clear_command();
  job->clear_pipeline_id();
  job->clear_counter_meanings();
  job->mutable_plugin()->clear_path();
  if (stage.has_repeat()) {
    stage.mutable_repeat()->clear_max();
    stage.mutable_repeat()->clear_fail_at_max();
  }
  for (pb::JobSpec::SideFile& side : *job->mutable_files()) side.mutable_file()->clear_path();
  ForgetWhere(is_published, job->mutable_output());
  for (pb::JobSpec::NamedOutput& output : *job->mutable_outputs()) {
    ForgetWhere(is_published, output.mutable_output());
  }
  return Serialize(stage);
}

// Pieces with their lengths, so that no two lists of pieces look the same.
class Fingerprint {
 public:
  void Add(std::string_view piece) {
    hasher_.Update(fmt::format("{}:", piece.size()));
    hasher_.Update(piece);
  }
  std::string ToString() const { return hasher_.Digest().ToString(); }

 private:
  Hasher128 hasher_;
};

}  // namespace

std::string DigestInputs(const std::vector<SplitInput>& inputs) {
  Fingerprint digest;
  for (const SplitInput& input : inputs) {
    digest.Add(std::to_string(input.input));
    for (const InputFile& file : input.files) {
      digest.Add(file.path);
      digest.Add(std::to_string(file.length));
      digest.Add(file.id);
    }
  }
  return digest.ToString();
}

std::vector<std::string> FingerprintStages(const pb::PipelineSpec& spec, const PipelineGraph& graph,
                                           const std::vector<std::string>& input_digests) {
  std::vector<std::string> fingerprints(graph.stages.size());
  // The graph has no circles: each turn finds at least one more.
  for (size_t turn = 0; turn < graph.stages.size(); ++turn) {
    for (size_t i = 0; i < graph.stages.size(); ++i) {
      if (!fingerprints[i].empty()) continue;
      Fingerprint fingerprint;
      bool complete = true;
      const bool is_published = graph.stages[i].is_published;
      fingerprint.Add(Essence(spec.stages(static_cast<int>(i)), is_published));
      fingerprint.Add(is_published ? "published" : "between stages");
      fingerprint.Add(input_digests[i]);
      for (const size_t read : graph.stages[i].reads) {
        complete = complete && !fingerprints[read].empty();
        fingerprint.Add(fingerprints[read]);
        const pb::PipelineStage& stage = spec.stages(static_cast<int>(read));
        if (stage.has_repeat()) fingerprint.Add(std::to_string(stage.repeat().max()));
      }
      if (complete) fingerprints[i] = fingerprint.ToString();
    }
  }
  return fingerprints;
}

}  // namespace quern::mr
