// quern-search: answers a query from the output of the inverted-index job.
#include <getopt.h>

#include <string>
#include <vector>

#include "client/file_system.h"
#include "client/glob.h"
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/cluster_config.h"
#include "common/version.h"
#include "jobs/search/query.h"
#include "jobs/search/sorted_lines.h"

namespace quern::search {
namespace {

constexpr char kHelp[] =
    "Usage: quern-search [--phrase] [--limit N] [--master HOST:PORT] INDEX WORD...\n"
    "Documents that hold every word, most occurrences first: occurrences<TAB>document.\n"
    "Two records of one name are two documents.\n"
    "INDEX is the output directory of `mr run inverted-index`.\n\n"
    "  --phrase          the words must stand one after another\n"
    "  --limit N         show at most N documents (default 10, 0 = all)\n"
    "  --master LIST     where the file system is (else QUERN_MASTER)\n\n"
    "Examples:\n"
    "  quern-search /index free software\n"
    "  quern-search --phrase --limit 3 /index 'public license'\n";

constexpr int64_t kMaxHits = 1'000'000'000;

struct Options {
  bool phrase = false;
  uint64_t limit = 10;
  std::string master;
  std::string index;
  std::string query;
};

absl::StatusOr<Postings> Lookup(client::FileSystem* fs, const std::vector<std::string>& parts,
                                std::string_view term) {
  Postings postings;
  for (const std::string& part : parts) {
    ASSIGN_OR_RETURN(const auto reader, fs->Open(part));
    SortedLines lines(
        [&](uint64_t offset, size_t n) -> absl::StatusOr<std::string> {
          std::string bytes(n, '\0');
          ASSIGN_OR_RETURN(const size_t got, reader->Pread(offset, n, bytes.data()));
          bytes.resize(got);
          return bytes;
        },
        reader->status().length);
    const absl::Status status =
        lines.ForEach(term, [&](std::string_view rest) { return AddPosting(rest, &postings); });
    RETURN_IF_ERROR(Annotate(status, part));
  }
  return postings;
}

absl::Status Search(const Options& options) {
  const std::vector<QueryTerm> terms = QueryTerms(options.query);
  if (terms.empty()) return InvalidArgumentError("'{}': no word to search for", options.query);
  ASSIGN_OR_RETURN(auto masters, FindMasters(options.master));
  const auto fs = client::FileSystem::Create({.masters = std::move(masters)});
  ASSIGN_OR_RETURN(const auto parts, fs->Glob(client::Escape(options.index) + "/part-*"));
  if (parts.empty()) {
    return NotFoundError("{}: no index there. Try: mr run inverted-index IN {}", options.index,
                         options.index);
  }
  std::vector<Postings> postings;
  for (const QueryTerm& term : terms) {
    ASSIGN_OR_RETURN(postings.emplace_back(), Lookup(fs.get(), parts, term.text));
  }
  const std::vector<Hit> hits = Match(terms, postings, options.phrase);
  for (size_t i = 0; i < hits.size() && (options.limit == 0 || i < options.limit); ++i) {
    Out().Format("{}\t{}\n", hits[i].occurrences, hits[i].document);
  }
  RETURN_IF_ERROR(Out().Flush());
  Err().Format("{} documents\n", hits.size());
  return absl::OkStatus();
}

// Exit code, or -1 to go on.
int Parse(int argc, char** argv, Options* options) {
  const option flags[] = {
      {"phrase", no_argument, nullptr, 'p'},       {"limit", required_argument, nullptr, 'n'},
      {"master", required_argument, nullptr, 'm'}, {"help", no_argument, nullptr, 'h'},
      {"version", no_argument, nullptr, 'v'},      {nullptr, 0, nullptr, 0}};
  for (int flag = 0; (flag = getopt_long(argc, argv, "", flags, nullptr)) != -1;) {
    if (flag == 'p') options->phrase = true;
    if (flag == 'm') options->master = optarg;
    if (flag == 'n') {
      const auto limit = ParseNumber(optarg, {0, kMaxHits});
      if (!limit.ok()) {
        Err().Print(ErrorLine("quern-search", Annotate(limit.status(), "--limit")));
        return kExitUsage;
      }
      options->limit = static_cast<uint64_t>(*limit);
    }
    if (flag == 'h') return Out().Print(kHelp), kExitOk;
    if (flag == 'v') return Out().Format("quern-search {}\n", VersionString()), kExitOk;
    if (flag == '?') return kExitUsage;
  }
  if (argc - optind < 2) {
    Err().Print("quern-search: needs an index and a word. Try: quern-search --help\n");
    return kExitUsage;
  }
  options->index = argv[optind++];
  while (optind < argc) options->query += std::string(argv[optind++]) + ' ';
  return -1;
}

int Main(int argc, char** argv) {
  ClaimStandardStreams();
  Options options;
  if (const int code = Parse(argc, argv, &options); code >= 0) {
    return EndOutput("quern-search", code);
  }
  const absl::Status status = Search(options);
  if (!status.ok() && !Out().failed()) Err().Print(ErrorLine("quern-search", status));
  return EndOutput("quern-search", status.ok() ? kExitOk : kExitFailed);
}

}  // namespace
}  // namespace quern::search

int main(int argc, char** argv) { return quern::search::Main(argc, argv); }
