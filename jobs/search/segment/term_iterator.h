// Walks terms of a dictionary in the order of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "jobs/search/segment/term_info.h"

namespace quern::search {

class TermDictionary;

// Reads the segment's bytes, which must stay. Used by one thread.
//   for (TermIterator terms = segment.Prefix(body, "lib"); terms.valid(); terms.Next())
class TermIterator {
 public:
  // At the first term of `field` that is not before `from`; ends with those that begin with
  // `prefix`.
  TermIterator(const TermDictionary* dictionary, FieldNumber field, std::string_view from,
               std::string_view prefix);

  bool valid() const { return valid_; }
  // While valid.
  std::string_view term() const { return std::string_view(key_).substr(1); }
  const TermInfo& info() const { return info_; }
  void Next();
  // To the first term that is not before `term`, never back: a fuzzy search leaps over what cannot
  // match.
  void Seek(std::string_view term);

 private:
  void ReadEntry();
  void OpenBlock(size_t block);
  void CheckEnd();

  const TermDictionary* dictionary_;
  std::string end_prefix_;  // field and prefix: what keys begin with
  std::string key_;         // the field's byte and the term
  TermInfo info_;
  bool valid_ = false;
  size_t block_ = 0;
  std::string_view entries_;  // what is left of the block
  uint64_t data_at_ = 0;      // where the next term's postings begin
};

}  // namespace quern::search
