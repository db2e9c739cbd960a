// The flags of a server as a table: each one has a name, a help text, a default and a way to be set
// from text, so that command line, environment and configuration file all set it the same way.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/sizes.h"
#include "common/status.h"

namespace quern {

struct Flag {
  std::string name;  // "listen": --listen, QUERN_LISTEN, listen = "..."
  std::string type;  // shown in the help: TEXT, INT, SIZE, ...; empty for a switch
  std::string help;
  std::string default_text;
  // InvalidArgument says what is expected; the caller adds the flag's name.
  std::function<absl::Status(std::string_view)> set;
};

// The value that `target` has now is the default. `target` must outlive the flag.
Flag MakeFlag(std::string name, std::string* target, std::string help);
Flag MakeFlag(std::string name, bool* target, std::string help);
// "90s", "10m", "1h30m".
Flag MakeFlag(std::string name, absl::Duration* target, std::string help);
// Separated by commas.
Flag MakeFlag(std::string name, std::vector<std::string>* target, std::string help);
// A whole number in a range.
Flag MakeNumberFlag(std::string name, int* target, NumberRange range, std::string help);
// "64MiB", "1g", "4096".
Flag MakeSizeFlag(std::string name, uint64_t* bytes, std::string help);

// Sets the flags of a TOML text (unknown keys are errors) or of QUERN_NAME variables.
// InvalidArgument names the place and the next step. `source` is the file's name.
absl::Status SetFlagsFromToml(std::string_view toml, std::string_view source,
                              const std::vector<Flag>& flags);
absl::Status SetFlagsFromEnvironment(const std::vector<Flag>& flags);
// One flag; the error begins with `where` ("--slots", "QUERN_SLOTS", "worker.toml: slots").
absl::Status SetFlag(const Flag& flag, std::string_view where, std::string_view text);

}  // namespace quern
