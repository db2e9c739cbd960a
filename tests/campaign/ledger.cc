#include "tests/campaign/ledger.h"

#include <fmt/format.h>

#include <algorithm>

namespace quern::campaign {
namespace {

std::string Describe(const Entry& entry) {
  if (entry.directory) return "a directory";
  return fmt::format("{} bytes with crc {:08x}", entry.length, entry.crc);
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool IsDirectory(const Tree& tree, const std::string& path) {
  const auto entry = tree.find(path);
  return entry != tree.end() && entry->second.directory;
}

// [first, last) of the entries below `path`, itself left out.
std::pair<Tree::iterator, Tree::iterator> Below(Tree* tree, const std::string& path) {
  return {tree->lower_bound(path + "/"), tree->lower_bound(path + "0")};  // '0' follows '/'
}

}  // namespace

Ledger::Ledger(std::string_view root) {
  trees_.push_back({{std::string(root), Entry{.directory = true}}});
}

void Ledger::Record(Outcome outcome, const std::function<bool(Tree*)>& change) {
  std::vector<Tree> next;
  for (const Tree& tree : trees_) {
    Tree changed = tree;
    const bool possible = change(&changed);
    if (outcome == Outcome::kUnknown) next.push_back(tree);
    if (possible && !(outcome == Outcome::kUnknown && changed == tree)) {
      next.push_back(std::move(changed));
    }
  }
  // An operation that succeeded though it could not: left for Observe to find out.
  if (!next.empty()) trees_ = std::move(next);
}

std::vector<std::string> Ledger::Observe(const Tree& seen) {
  std::vector<std::string> nearest;
  for (const Tree& tree : trees_) {
    std::vector<std::string> differences = Differences(tree, seen);
    if (differences.empty()) {
      nearest.clear();
      break;
    }
    if (nearest.empty() || differences.size() < nearest.size()) nearest = std::move(differences);
  }
  // What is there is what the rest goes on from: each violation is told once.
  trees_ = {seen};
  return nearest;
}

bool PutFile(Tree* tree, const std::string& path, const Entry& file, bool overwrite) {
  if (!IsDirectory(*tree, ParentOf(path))) return false;
  const auto there = tree->find(path);
  if (there != tree->end() && (there->second.directory || !overwrite)) return false;
  (*tree)[path] = file;
  return true;
}

bool MakeDirectory(Tree* tree, const std::string& path) {
  if (!IsDirectory(*tree, ParentOf(path))) return false;
  return tree->emplace(path, Entry{.directory = true}).second;
}

bool MoveEntry(Tree* tree, const std::string& from, const std::string& to, bool replace) {
  const auto source = tree->find(from);
  if (source == tree->end() || !IsDirectory(*tree, ParentOf(to))) return false;
  if (to == from || to.starts_with(from + "/")) return false;
  const auto target = tree->find(to);
  if (target != tree->end() && (!replace || source->second.directory || target->second.directory)) {
    return false;
  }
  const auto [first, last] = Below(tree, from);
  Tree moved;
  for (auto it = first; it != last; ++it) moved[to + it->first.substr(from.size())] = it->second;
  tree->erase(first, last);
  moved[to] = source->second;
  tree->erase(from);
  for (auto& [path, entry] : moved) (*tree)[path] = entry;
  return true;
}

bool RemoveTree(Tree* tree, const std::string& path) {
  if (!tree->contains(path)) return false;
  const auto [first, last] = Below(tree, path);
  tree->erase(first, last);
  tree->erase(path);
  return true;
}

std::vector<std::string> Differences(const Tree& wanted, const Tree& seen) {
  std::vector<std::string> lines;
  for (const auto& [path, entry] : wanted) {
    const auto there = seen.find(path);
    if (there == seen.end()) {
      lines.push_back(fmt::format("{}: lost: was {}", path, Describe(entry)));
    } else if (there->second != entry) {
      lines.push_back(
          fmt::format("{}: is {}, was {}", path, Describe(there->second), Describe(entry)));
    }
  }
  for (const auto& [path, entry] : seen) {
    if (!wanted.contains(path)) {
      lines.push_back(fmt::format("{}: came from nowhere: {}", path, Describe(entry)));
    }
  }
  return lines;
}

}  // namespace quern::campaign
