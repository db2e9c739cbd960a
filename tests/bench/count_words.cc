// count_words FILE: the plain C++ program that word count is measured against. Two threads, each
// with a hash table over half of the mapped file; prints "word<TAB>count" in byte order.
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Counts = absl::flat_hash_map<std::string, uint64_t>;

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void Count(std::string_view text, Counts* counts) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    while (at < end && IsBlank(*at)) ++at;
    const char* const word = at;
    while (at < end && !IsBlank(*at)) ++at;
    // This Abseil looks keys up by its own string_view only.
    if (at > word) ++(*counts)[absl::string_view(word, static_cast<size_t>(at - word))];
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) {
    std::fputs("usage: count_words FILE\n", stderr);
    return 2;
  }
  const size_t size = static_cast<size_t>(status.st_size);
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapped == MAP_FAILED) return 1;
  madvise(mapped, size, MADV_SEQUENTIAL);
  const std::string_view text(static_cast<const char*>(mapped), size);
  const size_t middle = std::min(text.find('\n', size / 2), size);

  Counts first, second;
  std::thread helper([&] { Count(text.substr(middle), &second); });
  Count(text.substr(0, middle), &first);
  helper.join();
  for (const auto& [word, count] : second) first[word] += count;
  std::vector<std::pair<std::string_view, uint64_t>> sorted(first.begin(), first.end());
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [word, count] : sorted) {
    std::printf("%.*s\t%llu\n", static_cast<int>(word.size()), word.data(),
                static_cast<unsigned long long>(count));
  }
  return 0;
}
