// How long a search index takes over queries: the processor time of one thread, without reading
// texts.
//
//   search_queries INDEX QUERIES [ROUNDS]      a local directory; one query a line; 7
//
// Prints for each query: microseconds (the median of the rounds), hits, query; then the median of
// all. search_peer.py does the same with another library on the same documents.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "common/storage/file_io.h"
#include "jobs/search/query/searcher.h"
#include "jobs/search/segment/index_manifest.h"

namespace quern::search {
namespace {

double CpuMicroseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

absl::StatusOr<std::unique_ptr<SearchIndex>> OpenParts(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::string json,
                   ReadFileToString(FileSystem::Real(), dir + "/" + std::string(kJobManifestName)));
  ASSIGN_OR_RETURN(const auto parts, ParseJobParts(json));
  IndexManifest manifest;
  std::vector<std::unique_ptr<const Segment>> segments;
  for (const std::string& part : parts) {
    auto segment = Segment::OpenFile(dir + "/" + part);
    RETURN_IF_ERROR(Annotate(segment.status(), part));
    RETURN_IF_ERROR(AddSegment(part, (*segment)->meta(), &manifest));
    if ((*segment)->documents() > 0) segments.push_back(*std::move(segment));
  }
  return SearchIndex::Create(std::move(manifest), std::move(segments));
}

absl::Status Run(const std::string& dir, const std::string& queries, int rounds) {
  const double start = CpuMicroseconds();
  ASSIGN_OR_RETURN(const auto index, OpenParts(dir));
  fmt::print("{} documents in {} segments, opened in {:.1f} ms\n", index->documents(),
             index->segments().size(), (CpuMicroseconds() - start) / 1000);
  std::vector<double> medians;
  std::ifstream in(queries);
  for (std::string query; std::getline(in, query);) {
    std::vector<double> times;
    size_t hits = 0;
    for (int round = 0; round < rounds; ++round) {
      const double from = CpuMicroseconds();
      ASSIGN_OR_RETURN(const Plan plan, PlanFor(*index, query));
      ASSIGN_OR_RETURN(const auto found, Search(*index, plan, 10));
      times.push_back(CpuMicroseconds() - from);
      hits = found.size();
    }
    medians.push_back(Median(times));
    fmt::print("{:8.1f} {:3} {}\n", medians.back(), hits, query);
  }
  if (!medians.empty()) fmt::print("median {:.1f} us\n", Median(medians));
  return absl::OkStatus();
}

}  // namespace
}  // namespace quern::search

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: search_queries INDEX QUERIES [ROUNDS]\n");
    return 2;
  }
  const int rounds = argc > 3 ? std::max(1, std::atoi(argv[3])) : 7;
  const absl::Status status = quern::search::Run(argv[1], argv[2], rounds);
  if (status.ok()) return 0;
  fmt::print(stderr, "search_queries: {}\n", quern::Message(status));
  return 1;
}
