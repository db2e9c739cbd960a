// What a command of `mr` says besides what it was asked for, when it goes on all the same.
#pragma once

#include <string_view>

#include "mapreduce/cli/command.h"

namespace quern::mr {

// A line on stderr, with --quiet as well: "COMMAND: TEXT", with --json {"warning": TEXT}.
void Warn(const Session& session, std::string_view command, std::string_view text);

}  // namespace quern::mr
