// The border between Quern and the shared object that knows Arrow, libquern_parquet.so.
//
// Plain structs and functions: no exception, no object of a library and no memory that the other
// side frees goes across, since Arrow's libraries come with copies of libraries that Quern has too,
// in other versions. Both sides are built from the same tree; kModuleVersion notices when they were
// not.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quern::mr::parquet {

inline constexpr uint32_t kModuleVersion = 1;
inline constexpr char kModuleEntry[] = "quern_parquet_module";

struct Text {
  const char* data = nullptr;
  size_t size = 0;
};

enum class Problem : uint32_t {
  kNone,
  kDamaged,  // the bytes of the file are not what they should be
  kWrong,    // what was asked for, or the record that was given, cannot be
  kMemory,   // it takes more than the limit
  kStopped,  // the source or sink has failed, and knows why
};

struct Trouble {
  Problem problem = Problem::kNone;
  char text[1000] = {};  // ends with NUL
};

// A file to be read, by one thread at a time.
struct Source {
  static constexpr size_t kFailed = SIZE_MAX;
  void* self = nullptr;
  uint64_t length = 0;
  // Fills `to`; fewer bytes than asked for at the end of the file. kFailed: see Problem::kStopped.
  size_t (*read)(void* self, uint64_t offset, size_t size, char* to) = nullptr;
};

struct Sink {
  void* self = nullptr;
  bool (*append)(void* self, const char* data, size_t size) = nullptr;
};

struct ReadRequest {
  Source source;
  const Text* columns = nullptr;  // names of those that are wanted
  size_t column_count = 0;        // 0 = all
  uint64_t memory_bytes = 0;
};

struct WriteRequest {
  Sink sink;
  Text schema;                   // as ParseColumns reads it; empty = guessed from the first records
  Text codec;                    // none | snappy | lz4 | zstd | gzip
  uint64_t row_group_bytes = 0;  // of JSON text; 0 = 32 MiB
};

// A part of the file that is decoded on its own. As its footer has it: nothing of it is believed.
struct RowGroup {
  uint64_t begin = 0;
  uint64_t bytes = 0;
  uint64_t rows = 0;
};

struct Reader;
struct Writer;

// Whoever gets no object, or false, looks at *trouble. Objects are used by one thread.
struct Module {
  uint32_t version;

  Reader* (*open)(const ReadRequest& request, Trouble* trouble);
  size_t (*row_groups)(Reader* reader);
  RowGroup (*row_group)(Reader* reader, size_t index);
  bool (*start)(Reader* reader, size_t index, Trouble* trouble);
  // The next row of the group that was started, as a JSON object; valid until the next call. False
  // at its end too, with no trouble.
  bool (*next)(Reader* reader, Text* row, Trouble* trouble);
  void (*close)(Reader* reader);

  Writer* (*create)(const WriteRequest& request, Trouble* trouble);
  // A JSON object.
  bool (*append)(Writer* writer, Text row, Trouble* trouble);
  bool (*finish)(Writer* writer, Trouble* trouble);
  // With or without finish before; writes nothing.
  void (*release)(Writer* writer);
};

using ModuleEntry = const Module* (*)();

}  // namespace quern::mr::parquet
