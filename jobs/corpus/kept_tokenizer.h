// The tokenizer that a process has made last. A process runs many tasks of a job one after another,
// and to read a vocabulary takes longer than what a small task does with it, or a reduce task,
// which only asks how many tokens there are. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "jobs/corpus/tokenizer.h"

namespace quern::corpus {

class KeptTokenizer {
 public:
  // With the vocabulary of the one that is kept, when that was made of the same; else nothing.
  std::unique_ptr<Tokenizer> Get(const std::optional<std::string>& source) const;
  // In the place of the one before. Nothing is kept of what cannot be known again.
  void Keep(const std::optional<std::string>& source, const Tokenizer& tokenizer);

 private:
  mutable std::mutex mutex_;
  std::string source_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

// Equal for a file that has not been changed, by whatever path. Nothing when there is none.
std::optional<std::string> IdentityOfFile(const std::string& path);

}  // namespace quern::corpus
