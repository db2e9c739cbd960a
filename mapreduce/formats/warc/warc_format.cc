#include "mapreduce/formats/warc/warc_format.h"

#include "common/codecs/inflater.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/mixed_format.h"
#include "mapreduce/formats/warc/gzip_search.h"
#include "mapreduce/formats/warc/member_source.h"
#include "mapreduce/formats/warc/warc_reader.h"
#include "mapreduce/formats/warc/warc_start.h"

namespace quern::mr {

namespace {

// Whether a member ends within these bytes, and another record begins with the next one, as far as
// that can be seen: where a file was compressed by blocks hardly any does.
bool FirstMemberIsARecord(std::string_view bytes) {
  Inflater inflater(Inflater::Wrapper::kGzip);
  const auto scrap = std::make_unique_for_overwrite<char[]>(InputFormat::kFirstBytes);
  Inflater::Step step;
  do {
    step = inflater.Run(bytes, scrap.get(), InputFormat::kFirstBytes);
    bytes.remove_prefix(step.consumed);
    if (step.consumed == 0 && step.produced < InputFormat::kFirstBytes) break;
  } while (step.state == Inflater::State::kMore);
  if (step.state != Inflater::State::kDone) return false;
  if (!LooksLikeGzipMember(bytes)) return true;
  inflater.Reset();
  step = inflater.Run(bytes, scrap.get(), kWarcStart.size());
  return kWarcStart.starts_with(std::string_view(scrap.get(), step.produced));
}

// Of a file that is called a WARC file and has no record at all.
class NoRecords final : public RecordReader {
 public:
  NoRecords() { SetAside("no_warc"); }
  bool Next() override { return false; }
};

class WarcFormat final : public InputFormat {
 public:
  std::string_view name() const override { return "warc"; }
  bool has_headers() const override { return true; }

  bool Splittable(std::string_view first_bytes) const override {
    return LooksLikeGzipMember(first_bytes) && FirstMemberIsARecord(first_bytes);
  }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    ASSIGN_OR_RETURN(const std::string first, ReadFirstBytes(file));
    if (first.starts_with("\x1f\x8b")) {
      return MakeReader(options, MakeGzipMembers(file, offset, length));
    }
    if (offset > 0 || length < file->length()) {
      return InvalidArgumentError("only gzip files are read in pieces by the format warc");
    }
    if (LooksLikeZstdMembers(first)) return MakeReader(options, MakeZstdMembers(file));
    if (LooksCompressed(first)) {
      ASSIGN_OR_RETURN(auto contents, DecodeByContent(file->Stream(0, length)));
      return MakeReader(options, MakeStreamMember(std::move(contents)));
    }
    if (first.starts_with(kWarcStart)) return MakeReader(options, MakePlainMember(file));
    return OpenDamaged(options, file);
  }

  absl::StatusOr<uint64_t> Resync(const ReadOptions&, ReadableFile* file,
                                  uint64_t offset) const override {
    if (offset == 0) return uint64_t{0};
    return GzipSearch(file).FindBorder(offset);
  }

 private:
  // The readers set aside what stands before the first record as they do any damage. A file without
  // one is refused, so that an input of another format is not read as nothing; but for one whose
  // name says WARC: a crawl is not lost for a download that failed.
  static absl::StatusOr<std::unique_ptr<RecordReader>> OpenDamaged(const ReadOptions& options,
                                                                   ReadableFile* file) {
    ASSIGN_OR_RETURN(const WarcContents contents, FindFirstRecord(file));
    switch (contents) {
      case WarcContents::kPlain:
        return MakeReader(options, MakePlainMember(file));
      case WarcContents::kGzip:
        return MakeReader(options, MakeGzipMembers(file, 0, file->length()));
      case WarcContents::kZstd:
        return MakeReader(options, MakeZstdMembers(file));
      case WarcContents::kNone:
        break;
    }
    if (FormatNameOfFile(options.path) == "warc") return std::make_unique<NoRecords>();
    return InvalidArgumentError(
        "is no WARC file: no record begins in its {} bytes, and its name does not end with .warc "
        "or .warc.gz. Try: the format of the file, or mixed for files of several formats, with "
        "--format FORMAT, of a stage of a pipeline with --set STAGE.input.format=FORMAT",
        file->length());
  }

  static std::unique_ptr<RecordReader> MakeReader(const ReadOptions& options,
                                                  std::unique_ptr<MemberSource> members) {
    return std::make_unique<WarcReader>(options, WarcReader::Limits{}, std::move(members));
  }
};

}  // namespace

std::unique_ptr<const InputFormat> MakeWarcFormat() { return std::make_unique<WarcFormat>(); }

}  // namespace quern::mr
