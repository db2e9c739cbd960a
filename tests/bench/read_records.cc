// How fast one core reads and writes record files, by its processor time.
//
//   read_records DIR [CODEC [MIB]]      (none, 1024)
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "mapreduce/engine/output_sink.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"

namespace quern::mr {
namespace {

constexpr size_t kValueBytes = 990;

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

absl::Status Run(const std::string& dir, const std::string& codec, uint64_t mib) {
  const auto storage = MakeLocalStorage();
  const std::string path = dir + "/records";
  const uint64_t count = (mib << 20) / 1000;
  std::string value;
  for (size_t i = 0; value.size() < kValueBytes; ++i) value += fmt::format("{} ", i * 7919 % 10007);
  value.resize(kValueBytes);

  const double written_from = CpuSeconds();
  ASSIGN_OR_RETURN(auto created, storage->Create(path, {}));
  auto file = std::make_unique<OutputFile>(std::move(created));
  ASSIGN_OR_RETURN(const OutputFormat* const output, FindOutputFormat("record"));
  ASSIGN_OR_RETURN(auto writer, output->Open({.codec = codec}, file.get()));
  OutputSink sink(std::move(file), std::move(writer));
  for (uint64_t i = 0; i < count; ++i) sink.Append(fmt::format("{:010}", i), value);
  RETURN_IF_ERROR(sink.Close());
  const double write_seconds = CpuSeconds() - written_from;

  ASSIGN_OR_RETURN(const auto readable, storage->Open(path));
  ASSIGN_OR_RETURN(const InputFormat* const input, FindInputFormat("record"));
  ReadOptions options;
  options.scratch_dir = dir;
  for (int round = 0; round < 3; ++round) {
    const double read_from = CpuSeconds();
    ASSIGN_OR_RETURN(const auto reader,
                     input->Open(options, readable.get(), 0, readable->length()));
    uint64_t bytes = 0;
    uint64_t records = 0;
    for (; reader->Next(); ++records) bytes += reader->key().size() + reader->value().size();
    RETURN_IF_ERROR(reader->status());
    const double seconds = CpuSeconds() - read_from;
    fmt::print("{} records, {} stored bytes: written at {:.0f} MB/s, read at {:.0f} MB/s\n",
               records, sink.bytes(), static_cast<double>(bytes) / write_seconds / 1e6,
               static_cast<double>(bytes) / seconds / 1e6);
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace quern::mr

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const uint64_t mib = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1024;
  const absl::Status status = quern::mr::Run(argv[1], argc > 2 ? argv[2] : "none", mib);
  if (!status.ok()) fmt::print(stderr, "{}\n", quern::Message(status));
  return status.ok() ? 0 : 1;
}
