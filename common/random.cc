#include "common/random.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace quern {
namespace {

void FillRandom(char* out, size_t n) {
  while (n > 0) {
    const ssize_t got = getrandom(out, n, 0);
    if (got < 0 && errno != EINTR) std::abort();  // a kernel without randomness
    if (got < 0) continue;
    out += got;
    n -= static_cast<size_t>(got);
  }
}

}  // namespace

Random SeededRandom() { return Random(RandomId()); }

uint64_t RandomId() {
  uint64_t id = 0;
  while (id == 0) FillRandom(reinterpret_cast<char*>(&id), sizeof(id));
  return id;
}

std::string RandomBytes(size_t n) {
  std::string bytes(n, '\0');
  FillRandom(bytes.data(), n);
  return bytes;
}

std::string RandomHex(size_t n) {
  std::string hex;
  for (const char c : RandomBytes(n)) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

}  // namespace quern
