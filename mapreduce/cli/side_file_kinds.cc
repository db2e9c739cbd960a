#include "mapreduce/cli/side_file_kinds.h"

#include <algorithm>

#include "common/clean_text.h"
#include "common/cli/cli.h"

namespace quern::mr {
namespace {

constexpr std::string_view kParameter = "params.";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view WithoutBlanks(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// A token in base64, a blank and its number.
bool IsTiktoken(std::string_view start) {
  const std::string_view line = start.substr(0, start.find_first_of("\r\n"));
  const size_t blank = line.find(' ');
  return blank != std::string_view::npos && blank > 0 && blank + 1 < line.size() &&
         line.substr(0, blank).find_first_of(" \t:{}\"'") == std::string_view::npos &&
         line.substr(blank + 1).find_first_not_of("0123456789") == std::string_view::npos;
}

// A message of Protobuf whose first field is a message, mostly the first piece: a field is told by
// its number and what it is, which is 2.
bool IsSentencePiece(std::string_view start) {
  constexpr std::string_view kFields = "\x0a\x12\x1a\x22\x2a";
  return kFields.find(start[0]) != std::string_view::npos;
}

// The names that are meant, with what says so for messages.
std::vector<std::string> NamesMeant(const FileKind& kind, const NamedFiles& named) {
  if (!kind.what.starts_with(kParameter)) return {kind.what};
  const auto set = named.params.find(kind.what.substr(kParameter.size()));
  return set == named.params.end() ? std::vector<std::string>() : SplitList(set->second);
}

std::string SaidBy(const FileKind& kind, const std::string& name, const NamedFiles& named) {
  const auto parameter = named.parameter_of.find(name);
  if (parameter != named.parameter_of.end()) return fmt::format("params.{}", parameter->second);
  return kind.what.starts_with(kParameter) ? kind.what : "files";
}

}  // namespace

absl::StatusOr<FileKind> ParseFileKind(std::string_view text) {
  const size_t colon = std::min(text.rfind(':'), text.size());
  const std::vector<std::string> what = SplitList(text.substr(0, colon), ' ');
  const std::vector<std::string> word =
      SplitList(text.substr(std::min(colon + 1, text.size())), ' ');
  if (what.size() == 1 && word.size() == 1) {
    if (word[0] == "text") return FileKind{what[0], FileKind::Kind::kText};
    if (word[0] == "json") return FileKind{what[0], FileKind::Kind::kJson};
    if (word[0] == "tokenizer") return FileKind{what[0], FileKind::Kind::kTokenizer};
  }
  return InvalidArgumentError(
      "'{}' is no kind of a file. Try: FILE or params.NAME, a colon, and text, json or tokenizer",
      CleanLine(text, 100));
}

absl::Status CheckFileKind(FileKind::Kind kind, std::string_view start) {
  if (start.empty()) return InvalidArgumentError("is empty");
  const bool is_text = start.find('\0') == std::string_view::npos;
  const bool is_json = is_text && WithoutBlanks(start).starts_with('{');
  switch (kind) {
    case FileKind::Kind::kText:
      if (is_text) return absl::OkStatus();
      return InvalidArgumentError("is no text");
    case FileKind::Kind::kJson:
      if (is_json) return absl::OkStatus();
      return InvalidArgumentError("does not begin with an object of JSON");
    case FileKind::Kind::kTokenizer:
      if (is_json || IsTiktoken(start) || IsSentencePiece(start)) return absl::OkStatus();
      return InvalidArgumentError(
          "begins neither as a tokenizer.json, nor as a .tiktoken file or a SentencePiece model");
  }
  return absl::OkStatus();
}

absl::Status CheckFileKinds(const std::vector<FileKind>& kinds, const NamedFiles& named,
                            const ReadFileStart& read) {
  for (const FileKind& kind : kinds) {
    for (const std::string& name : NamesMeant(kind, named)) {
      const auto file = std::find_if(named.files.begin(), named.files.end(),
                                     [&](const auto& one) { return one.second == name; });
      if (file == named.files.end()) continue;
      ASSIGN_OR_RETURN(const std::optional<std::string> start, read(file->first));
      if (!start.has_value()) continue;
      RETURN_IF_ERROR(Annotate(Annotate(CheckFileKind(kind.kind, *start), file->first),
                               SaidBy(kind, name, named)));
    }
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
