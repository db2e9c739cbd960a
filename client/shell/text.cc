// dfs text
#include <algorithm>
#include <string>
#include <vector>

#include "client/file_reader.h"
#include "client/shell/commands.h"
#include "client/shell/record_text.h"
#include "client/shell/shell.h"
#include "common/cli/command_line.h"
#include "common/codecs/content_decoder.h"

namespace quern::shell {
namespace {

constexpr size_t kReadBytes = 1 << 20;

class PeekableReader final : public PeekableFile {
 public:
  explicit PeekableReader(client::FileReader* reader) : reader_(reader) {}

  void SeekTo(uint64_t offset) override { offset_ = offset; }
  uint64_t offset() const override { return offset_; }
  absl::StatusOr<std::string_view> Peek(size_t want) override {
    if (offset_ < start_ || offset_ + want > start_ + bytes_.size()) {
      bytes_.resize(std::max(want, kReadBytes));
      start_ = offset_;
      const auto got = reader_->Pread(offset_, bytes_.size(), bytes_.data());
      bytes_.resize(got.ok() ? *got : 0);
      RETURN_IF_ERROR(got.status());
    }
    return std::string_view(bytes_).substr(offset_ - start_);
  }
  void Skip(size_t bytes) override { offset_ += bytes; }

 private:
  client::FileReader* const reader_;
  std::string bytes_;
  uint64_t start_ = 0;  // of bytes_ in the file
  uint64_t offset_ = 0;
};

class Text final : public ShellCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&patterns_, 1); }

  absl::Status Run(Shell* shell) override {
    for (const std::string& path : shell->Expand(patterns_)) {
      const absl::Status status = Show(shell, path);
      if (shell->output_failed()) break;
      if (!status.ok()) shell->Report(status, path);
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Show(Shell* shell, const std::string& path) {
    ASSIGN_OR_RETURN(const auto reader, shell->fs()->Open(path));
    const uint64_t length = reader->status().length;
    PeekableReader file(reader.get());
    ASSIGN_OR_RETURN(const std::string_view first, file.Peek(kRecordMark.size()));
    if (LooksLikeRecordFile(first)) {
      return WriteRecordsAsText(&file, length,
                                [&](std::string_view text) { return shell->WriteBytes(text); });
    }
    const auto stream = reader->Stream(0, length);
    ASSIGN_OR_RETURN(const auto contents, ContentDecoder::Open([&] { return stream->Next(); }));
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view bytes, contents->Next());
      if (bytes.empty()) break;
      RETURN_IF_ERROR(shell->WriteBytes(bytes));
    }
    if (!contents->damaged()) return absl::OkStatus();
    return DataLossError("{}; what is before that has been shown", Message(contents->damage()));
  }

  std::vector<std::string> patterns_;
};

}  // namespace

CommandSpec TextCommand() {
  return {.name = "text",
          .aliases = {},
          .usage = "PATH...",
          .summary =
              "record files as lines of key TAB value, compressed files unpacked, other files "
              "as they are",
          .examples = {"dfs text '/out/part-*' | less", "dfs text /crawl/pages.jsonl.zst | head"},
          .make = Maker<Text>("text")};
}

}  // namespace quern::shell
