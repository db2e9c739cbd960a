#include "mapreduce/plan/output_parts.h"

#include <gtest/gtest.h>

#include <string>

namespace quern::mr {
namespace {

pb::JobSpec::NamedOutput Named(const std::string& name, const std::string& path,
                               const std::string& files) {
  pb::JobSpec::NamedOutput named;
  named.set_name(name);
  named.mutable_output()->set_path(path);
  named.mutable_output()->set_files(files);
  return named;
}

pb::AttemptResult Result(const std::string& task) {
  pb::AttemptResult result;
  result.set_output_path("/tmp/" + task);
  for (const char* output : {"index", "rejected"}) {
    auto* const file = result.add_named_files();
    file->set_output(output);
    file->set_path(std::string("/tmp/") + output + "/" + task);
    file->set_bytes(3);
  }
  return result;
}

TEST(OutputParts, FilesOfASharedDirectoryBelongToTheMainOutput) {
  pb::JobSpec spec;
  spec.mutable_output()->set_path("/out");
  spec.mutable_output()->set_files("x-{i}.bin");
  spec.mutable_reduce()->set_tasks(2);
  *spec.add_outputs() = Named("index", "/out", "x-{i}.idx");
  *spec.add_outputs() = Named("rejected", "/out-rejected", "");
  OutputParts parts(spec);
  parts.Add(pb::TASK_KIND_REDUCE, 0, Result("part-r-00000"));
  parts.Add(pb::TASK_KIND_REDUCE, 1, Result("part-r-00001"));
  const std::vector<PublishedOutput> outputs = parts.Take();
  ASSERT_EQ(outputs.size(), 2u);
  std::string files;
  for (const PublishedFile& file : outputs[0].files)
    files += file.source + " " + file.part.name + "\n";
  EXPECT_EQ(files,
            "/tmp/part-r-00000 x-0.bin\n/tmp/part-r-00001 x-1.bin\n"
            "/tmp/index/part-r-00000 x-0.idx\n/tmp/index/part-r-00001 x-1.idx\n");
  EXPECT_EQ(outputs[1].name, "rejected");
  EXPECT_EQ(outputs[1].files.size(), 2u);
  const Manifest manifest = MakeManifest({}, outputs, outputs[0]);
  EXPECT_EQ(manifest.parts.size(), 4u);
  ASSERT_EQ(manifest.outputs.size(), 1u);
  EXPECT_EQ(manifest.outputs[0].bytes, 6u);
}

}  // namespace
}  // namespace quern::mr
