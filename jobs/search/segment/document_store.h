// Names and texts of documents, in blocks that lie in the order in which they became full.
//
//   section of documents
//     names   of 64 documents: id, URL, each as bytes shared with the one before (varint), a length
//             and so many bytes
//     texts   of documents until there are 64 KiB: size of the frame (varint), a zstd frame; in it
//     of
//             each document title, text, language, date: a length and so many bytes
//   section of their index
//     number of blocks of names (4 bytes), of each where it begins (8)
//     number of blocks of texts (4 bytes), of each its first document (4), of each where it begins
//     (8)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/varint.h"

namespace quern::search {

inline constexpr size_t kNamesBlock = 64;
inline constexpr size_t kTextsBlockBytes = 64 << 10;
// A block may have this much, decompressed.
inline constexpr size_t kMaxTextsBlockBytes = size_t{2} << 30;

struct StoredDocument {
  std::string id;
  std::string url;
  std::string title;
  std::string text;
  std::string language;
  std::string date;
};

// Makes both sections, document after document.
class DocumentStoreWriter {
 public:
  explicit DocumentStoreWriter(bool with_texts);
  ~DocumentStoreWriter();

  // Appends blocks that became full to `section`.
  void Add(std::string_view id, std::string_view url, std::string_view texts, std::string* section);
  // What Add takes as `texts`.
  static void AppendTexts(std::string_view title, std::string_view text, std::string_view language,
                          std::string_view date, std::string* texts);
  // Appends the last blocks to `section` and returns the index.
  std::string Finish(std::string* section);

 private:
  struct Compressor;

  void AddName(std::string_view name, std::string* last);
  void CloseNames(std::string* section);
  void CloseTexts(std::string* section);
  void Append(std::string_view bytes, std::string* section);

  const std::unique_ptr<Compressor> compressor_;  // nullptr: without texts
  uint32_t documents_ = 0;
  uint64_t offset_ = 0;
  std::string names_;
  std::string last_id_;
  std::string last_url_;
  std::string texts_;
  uint32_t first_of_texts_ = 0;
  std::vector<uint64_t> names_offsets_;
  std::vector<uint32_t> texts_firsts_;
  std::vector<uint64_t> texts_offsets_;
};

// Of both sections, which must stay. Thread-safe.
class DocumentStore {
 public:
  // False when the index is none, or not of so many documents.
  bool Open(std::string_view index, std::string_view section, uint32_t documents);

  struct Names {
    std::string id;
    std::string url;
  };
  // Empty when the bytes make no sense.
  Names NamesOf(uint32_t doc) const;
  bool has_texts() const { return texts_blocks_ > 0; }
  // False when the bytes make no sense, or there are no texts.
  bool Read(uint32_t doc, StoredDocument* document) const;

 private:
  friend class DocumentReader;

  // The last block of texts that does not begin behind `doc`.
  size_t TextsBlockOf(uint32_t doc) const;

  std::string_view section_;
  std::string_view names_offsets_;
  size_t texts_blocks_ = 0;
  std::string_view texts_firsts_;
  std::string_view texts_offsets_;
};

// Reads one document after another: what lies together in a block is taken apart once. For numbers
// that never fall; others cost as much as DocumentStore itself. Used by one thread; the store
// stays.
class DocumentReader {
 public:
  explicit DocumentReader(const DocumentStore& store) : store_(&store) {}

  // Until the next call. Empty when the bytes make no sense.
  const DocumentStore::Names& NamesOf(uint32_t doc);
  // As DocumentStoreWriter::Add takes them, until the next call. Nothing when the bytes make no
  // sense, or there are no texts.
  std::optional<std::string_view> TextsOf(uint32_t doc);

 private:
  bool OpenTexts(uint32_t doc);

  const DocumentStore* store_;
  ByteReader names_in_{{}};
  DocumentStore::Names names_;  // of the document before next_name_
  uint32_t next_name_ = 0;
  uint32_t names_end_ = 0;  // behind those of the block; 0: none is open
  std::string texts_;       // of the block
  size_t rest_at_ = 0;      // in them, of those of next_text_
  uint32_t next_text_ = 0;
  uint64_t texts_end_ = 0;
};

}  // namespace quern::search
