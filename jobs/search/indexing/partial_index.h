// The postings of some documents in memory, as a map task gathers them.
//
// What a term gets is its chunk, a run of documents:
//   document, less the one before (0 before the first); for each of its positions, what it is above
//   the one before (-1 before the first); 0                                            (all
//   varints)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/term_info.h"
#include "jobs/search/segment/varint.h"

namespace quern::search {

// Used by one thread.
class PartialIndex {
 public:
  PartialIndex();
  ~PartialIndex();
  PartialIndex(const PartialIndex&) = delete;
  PartialIndex& operator=(const PartialIndex&) = delete;

  struct Occurrence {
    FieldNumber field = 0;
    std::string_view term;  // of less than 128 bytes
    uint32_t doc = 0;
    uint32_t position = 0;
  };
  static uint32_t HashOf(FieldNumber field, std::string_view term);
  // Has the memory that a term with this hash needs fetched, first the table's, then its own: most
  // of the time would be spent on waiting for it.
  void PrefetchSlot(uint32_t hash) const {
    __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }
  void PrefetchEntry(uint32_t hash) const {
    const uint32_t entry = slots_[hash & (slots_.size() - 1)].entry;
    if (entry != 0) __builtin_prefetch(&entries_[entry - 1]);
  }
  // Documents rise, and positions within a term of a document. Throws std::length_error above
  // 4 GiB.
  void Add(const Occurrence& occurrence, uint32_t hash);
  // Memory that it uses.
  size_t bytes() const;
  bool empty() const { return entries_.empty(); }

  // Calls `use(field, term, chunk)` for every term, in no order, and forgets all.
  template <typename Use>
  void Drain(Use use) {
    std::string chunk;
    for (Entry& entry : entries_) {
      chunk.clear();
      ReadChunk(&entry, &chunk);
      use(entry.field, TermOf(entry), std::string_view(chunk));
    }
    Clear();
  }

 private:
  // A slot without an entry is free.
  struct Slot {
    uint32_t hash = 0;
    uint32_t entry = 0;  // its number and 1
  };
  // Bytes of a chunk lie in slices of the arena that grow; the last four bytes of a slice say where
  // the next one is.
  struct Entry {
    uint64_t head = 0;   // the first bytes of the term, so that most compare without the rest
    uint32_t term = 0;   // in the arena
    uint32_t first = 0;  // slice
    uint32_t at = 0;     // where the next byte goes
    uint32_t end = 0;    // of the slice, before its last four bytes
    uint32_t doc = 0;
    uint32_t position = 0;  // the last one and 1
    uint8_t term_bytes = 0;
    FieldNumber field = 0;
    uint8_t level = 0;  // of the slice
  };

  std::string_view TermOf(const Entry& entry) const {
    return {reinterpret_cast<const char*>(arena_.get()) + entry.term, entry.term_bytes};
  }
  Entry* Find(FieldNumber field, std::string_view term, uint32_t hash);
  Entry* Insert(FieldNumber field, std::string_view term, uint64_t head);
  void GrowTable();
  uint32_t Allocate(size_t size);
  void Put(Entry* entry, uint32_t value);
  void PutByte(Entry* entry, uint8_t byte);
  void ReadChunk(Entry* entry, std::string* chunk);
  void Clear();

  struct Free {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<uint8_t, Free> arena_;
  size_t arena_size_ = 0;
  size_t used_ = 0;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two of them
};

// Reads a chunk, document after document.
class ChunkReader {
 public:
  explicit ChunkReader(std::string_view chunk) : in_(chunk) {}
  // The next document; false at the end. Throws std::runtime_error when the bytes are no chunk.
  bool Next();
  uint32_t doc() const { return doc_; }
  // Of doc(), as they lie in the chunk.
  std::string_view positions() const { return positions_; }
  void ReadPositions(std::vector<uint32_t>* positions) const {
    ReadPositions(positions_, positions);
  }
  // `bytes` begins with what positions() gave.
  static void ReadPositions(std::string_view bytes, std::vector<uint32_t>* positions);

 private:
  ByteReader in_;
  uint32_t doc_ = 0;
  std::string_view positions_;
};

}  // namespace quern::search
