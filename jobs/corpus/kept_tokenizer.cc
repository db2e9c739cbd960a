#include "jobs/corpus/kept_tokenizer.h"

#include <sys/stat.h>

#include <cstdint>
#include <utility>

namespace quern::corpus {

std::unique_ptr<Tokenizer> KeptTokenizer::Get(const std::optional<std::string>& source) const {
  const std::scoped_lock lock(mutex_);
  const bool same = tokenizer_ != nullptr && source == source_;
  return same ? tokenizer_->Another() : nullptr;
}

void KeptTokenizer::Keep(const std::optional<std::string>& source, const Tokenizer& tokenizer) {
  if (!source.has_value()) return;
  // The old one is let go of behind the lock.
  std::shared_ptr<const Tokenizer> kept = tokenizer.Another();
  const std::scoped_lock lock(mutex_);
  source_ = *source;
  tokenizer_.swap(kept);
}

// Attempts have links of their own to one file of their machine.
std::optional<std::string> IdentityOfFile(const std::string& path) {
  struct stat file = {};
  if (stat(path.c_str(), &file) != 0) return std::nullopt;
  std::string identity;
  for (const auto part :
       {static_cast<int64_t>(file.st_dev), static_cast<int64_t>(file.st_ino),
        static_cast<int64_t>(file.st_size), static_cast<int64_t>(file.st_mtim.tv_sec),
        static_cast<int64_t>(file.st_mtim.tv_nsec)}) {
    identity += std::to_string(part) + " ";
  }
  return identity;
}

}  // namespace quern::corpus
