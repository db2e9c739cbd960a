// Walks terms of a dictionary in the order of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "jobs/search/segment/term_dictionary.h"
#include "jobs/search/segment/term_info.h"

namespace quern::search {

// Reads the segment's bytes, which must stay. Used by one thread.
//   for (TermIterator terms = segment.Prefix(body, "lib"); terms.valid(); terms.Next())
class TermIterator {
 public:
  // At the first term of `field` that begins with `prefix`; ends with the last one.
  TermIterator(const TermDictionary& dictionary, FieldNumber field, std::string_view prefix);

  bool valid() const { return valid_; }
  // While valid.
  std::string_view term() const { return std::string_view(entries_.key()).substr(1); }
  const TermInfo& info() const { return entries_.info(); }
  void Next();
  // To the first term that is not before `term`, never back: a fuzzy search leaps over what cannot
  // match.
  void Seek(std::string_view term);

 private:
  void SeekKey(const std::string& key);
  bool NextEntry();

  TermDictionary dictionary_;
  std::string prefix_;  // field and prefix: what keys begin with
  bool valid_ = false;
  size_t block_ = 0;
  TermBlockReader entries_;
};

}  // namespace quern::search
