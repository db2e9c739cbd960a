// What must be in the file system, kept outside of it.
//
// A ledger holds every tree that may be there: one, as long as each operation's outcome is known.
// An operation that ended without a clear answer may have happened or not, so each tree is followed
// by a second one; the next look at the file system leaves only those that agree with it. When none
// agrees, something was lost, came back or changed.
//
// Plain values, no I/O. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quern::campaign {

struct Entry {
  bool directory = false;
  uint64_t length = 0;
  uint32_t crc = 0;  // CRC32C of the bytes; 0 for a directory
  bool operator==(const Entry&) const = default;
};

// Absolute path -> what is there. Parents are entries of their own.
using Tree = std::map<std::string, Entry>;

class Ledger {
 public:
  // Starts with nothing but the directory `root`.
  explicit Ledger(std::string_view root);

  enum class Outcome { kDone, kUnknown };
  // `change` makes the next tree of one that may be there, or returns false where the operation
  // could not have succeeded.
  void Record(Outcome outcome, const std::function<bool(Tree*)>& change);

  // Keeps the trees that agree with what is seen. Empty when one does; else one line for each
  // difference from the nearest.
  std::vector<std::string> Observe(const Tree& seen);

  // One of the trees that may be there; the only one unless `certain` is false.
  const Tree& tree() const { return trees_.front(); }
  bool certain() const { return trees_.size() == 1; }

 private:
  std::vector<Tree> trees_;
};

// The changes that operations make. Each returns false when the operation must have been refused.
bool PutFile(Tree* tree, const std::string& path, const Entry& file, bool overwrite);
bool MakeDirectory(Tree* tree, const std::string& path);
// A file may replace a file when `replace` says so; a directory moves with everything below it.
bool MoveEntry(Tree* tree, const std::string& from, const std::string& to, bool replace);
bool RemoveTree(Tree* tree, const std::string& path);

// One line for each path where `seen` is not as `wanted`.
std::vector<std::string> Differences(const Tree& wanted, const Tree& seen);

}  // namespace quern::campaign
