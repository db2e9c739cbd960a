// The lines that make a shell use a cluster.
#pragma once

#include <string>
#include <string_view>

namespace quern::local {

// Directory of the running binary; the servers' binaries lie beside it.
std::string BinaryDir();

// export lines for PATH, QUERN_MASTER and QUERN_COORDINATOR, each after `indent`.
std::string ShellExports(std::string_view master, std::string_view coordinator,
                         std::string_view indent);

}  // namespace quern::local
