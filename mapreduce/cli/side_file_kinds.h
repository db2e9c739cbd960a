// What the side files of a job are, where its spec says so:
//   file_kinds = ["encoder.json: json", "params.lists: text", "params.model: tokenizer"]
// A side file by its name, or those that a parameter names. A job reads them whole, in each of its
// tasks; this looks at how they begin, so that a wrong file is told before the job is submitted, by
// the path and the parameter that somebody has typed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"

namespace quern::mr {

struct FileKind {
  enum class Kind : uint8_t {
    kText,       // no NUL
    kJson,       // begins with an object
    kTokenizer,  // tokenizer.json, .tiktoken or a SentencePiece model
  };
  std::string what;  // name of a side file, or "params.NAME"
  Kind kind = Kind::kText;
};

// How much of a file its kind is told by.
inline constexpr size_t kFileKindBytes = 4096;

// "encoder.json: json". InvalidArgument when it is none.
absl::StatusOr<FileKind> ParseFileKind(std::string_view text);

// InvalidArgument when a file that begins with these bytes is not of this kind; none is empty.
absl::Status CheckFileKind(FileKind::Kind kind, std::string_view start);

// The side files of a job, and who names them.
struct NamedFiles {
  const std::vector<std::pair<std::string, std::string>>& files;  // path -> name
  const std::map<std::string, std::string>& params;
  const std::map<std::string, std::string>& parameter_of;  // of a pipeline, by name of the file
};
// The first kFileKindBytes of the file at a path as somebody has written it; nothing for one that
// is not to be looked at.
using ReadFileStart =
    std::function<absl::StatusOr<std::optional<std::string>>(const std::string& path)>;

// The first that is wrong, with its parameter and its path: "params.model: /x: is empty".
absl::Status CheckFileKinds(const std::vector<FileKind>& kinds, const NamedFiles& named,
                            const ReadFileStart& read);

}  // namespace quern::mr
