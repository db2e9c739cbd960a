// What tests of the WARC reader share.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/formats/input_format.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/mapreduce/formats/warc_builder.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {

using Pages = std::vector<std::pair<std::string, std::string>>;  // URI, payload
using Counts = std::map<std::string, uint64_t>;

using Pack = std::function<std::string(const std::string&)>;
// The compressions whose members or frames hold records of their own.
inline std::vector<Pack> MemberPacks() {
  return {[](const std::string& text) { return GzipOf(text); }, ZstdOf};
}

// Members of so many bytes of the text each, which end wherever that is in a record, but not where
// one begins: that one would be taken for the start of another.
inline std::string PackByBlocks(const Pack& pack, const std::string& text, size_t block) {
  std::string file;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(at + block, text.size());
    if (text.compare(end, 5, "WARC/") == 0) ++end;
    file += pack(text.substr(at, end - at));
    at = end;
  }
  return file;
}

// Whether a record that ends at `end` of this text would have another one behind it.
inline bool EndsBeforeARecord(const std::string& text, size_t end) {
  return text.compare(end, 9, "\r\n\r\nWARC/") == 0;
}

class WarcTest : public RandomTest {
 protected:
  struct Contents {
    Pages pages;
    std::vector<uint64_t> offsets;
    Counts set_aside;
  };

  ReadOptions Read() const {
    return {.settings = {}, .path = "/in/f", .scratch_dir = dir_.path(), .memory_bytes = 1 << 20};
  }

  static void Collect(RecordReader* reader, Contents* contents) {
    while (reader->Next()) {
      contents->pages.emplace_back(reader->key(), reader->value());
      contents->offsets.push_back(reader->offset());
    }
    EXPECT_OK(reader->status());
    for (const auto& [reason, count] : reader->set_aside()) contents->set_aside[reason] += count;
  }

  Contents ReadPieces(ReadableFile* file, uint64_t piece_bytes) {
    Contents contents;
    const InputFormat* const warc = *FindInputFormat("warc");
    const uint64_t length = file->length();
    for (uint64_t at = 0; at < length; at += piece_bytes) {
      auto reader = warc->Open(Read(), file, at, std::min(piece_bytes, length - at));
      EXPECT_OK(reader.status());
      Collect(reader->get(), &contents);
    }
    return contents;
  }
  Contents ReadAll(const std::string& bytes, size_t stream_bytes = 4096) {
    MemoryFile file(bytes, stream_bytes);
    return ReadPieces(&file, bytes.size() + 1);
  }

  std::string SomeBytes(size_t size) {
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(Below(256));
    return bytes;
  }

  const TempDir dir_;
};

}  // namespace quern::mr
