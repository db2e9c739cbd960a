// Words of commands that a message asks its reader to paste into a shell. Every path and name of a
// user stands in such a command through these; where it is only named, it stands as it is.
#pragma once

#include <string>
#include <string_view>

namespace quern {

// As one word of a POSIX shell: quoted only where it has to be.
std::string ShellQuoted(std::string_view text);
// The same on one line of UTF-8, for errors: what has line ends or the like stands as $'...', which
// bash, ksh and zsh know.
std::string ShellQuotedLine(std::string_view text);

}  // namespace quern
