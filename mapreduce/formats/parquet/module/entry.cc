// The functions of libquern_parquet.so.
#include "mapreduce/formats/parquet/module/file_reader.h"
#include "mapreduce/formats/parquet/module/file_writer.h"
#include "mapreduce/formats/parquet/module/trouble.h"
#include "mapreduce/formats/parquet/module_interface.h"

namespace quern::mr::parquet {

struct Reader {
  std::unique_ptr<FileReader> file;
};
struct Writer {
  std::unique_ptr<FileWriter> file;
};

namespace {

std::string_view View(Text text) { return {text.data, text.size}; }

Reader* Open(const ReadRequest& request, Trouble* trouble) {
  std::unique_ptr<Reader> reader;
  const bool opened = Guard(trouble, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto file, FileReader::Open(request));
    reader = std::make_unique<Reader>(Reader{std::move(file)});
    return arrow::Status::OK();
  });
  return opened ? reader.release() : nullptr;
}

size_t RowGroups(Reader* reader) { return reader->file->row_groups(); }
RowGroup RowGroupOf(Reader* reader, size_t index) { return reader->file->row_group(index); }

bool Start(Reader* reader, size_t index, Trouble* trouble) {
  return Guard(trouble, [&] { return reader->file->Start(index); });
}

bool Next(Reader* reader, Text* row, Trouble* trouble) {
  std::string_view json;
  const bool read =
      Guard(trouble, [&]() -> arrow::Status { return reader->file->Next().Value(&json); });
  *row = {json.data(), json.size()};
  return read && !json.empty();
}

void Close(Reader* reader) { delete reader; }

Writer* Create(const WriteRequest& request, Trouble* trouble) {
  std::unique_ptr<Writer> writer;
  const bool created = Guard(trouble, [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto file, FileWriter::Create(request));
    writer = std::make_unique<Writer>(Writer{std::move(file)});
    return arrow::Status::OK();
  });
  return created ? writer.release() : nullptr;
}

bool Append(Writer* writer, Text row, Trouble* trouble) {
  return Guard(trouble, [&] { return writer->file->Append(View(row)); });
}

bool Finish(Writer* writer, Trouble* trouble) {
  return Guard(trouble, [&] { return writer->file->Finish(); });
}

void Release(Writer* writer) { delete writer; }

constexpr Module kModule = {kModuleVersion, Open,   RowGroups, RowGroupOf, Start,  Next,
                            Close,          Create, Append,    Finish,     Release};

}  // namespace
}  // namespace quern::mr::parquet

extern "C" __attribute__((visibility("default"))) const quern::mr::parquet::Module*
quern_parquet_module() {
  return &quern::mr::parquet::kModule;
}
