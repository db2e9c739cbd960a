#include "jobs/search/indexing/run_records.h"

#include <stdexcept>

#include "jobs/search/segment/dates.h"
#include "jobs/search/segment/document_store.h"
#include "jobs/search/segment/varint.h"

namespace quern::search {

namespace {

constexpr char kDocument = 0;
constexpr char kFirstField = 1;
constexpr size_t kTailBytes = 3;
constexpr size_t kMaxOrderBytes = 1024;

void AppendTail(uint32_t segment, std::string* key) {
  key->push_back('\0');
  key->push_back(static_cast<char>(segment >> 8));
  key->push_back(static_cast<char>(segment));
}

void AppendText(std::string_view text, std::string* out) {
  AppendVarint(text.size(), out);
  *out += text;
}

void AppendRun(RunId run, std::string* value) {
  AppendVarint(run.map_task, value);
  AppendVarint(run.run, value);
}

RunId ReadRun(ByteReader* in) {
  RunId run;
  run.map_task = in->Varint32();
  run.run = in->Varint32();
  return run;
}

std::string_view RestOf(ByteReader* in) { return in->Bytes(in->left()); }

}  // namespace

void MakeDocumentKey(const IndexedDocument& document, uint32_t segment, std::string* key) {
  const std::string_view order = document.url.empty() ? document.id : document.url;
  key->assign(1, kDocument);
  *key += order.substr(0, kMaxOrderBytes);
  AppendTail(segment, key);
}

void MakeTermKey(FieldNumber field, std::string_view term, uint32_t segment, std::string* key) {
  key->assign(1, static_cast<char>(kFirstField + field));
  *key += term;
  AppendTail(segment, key);
}

uint32_t SegmentOfKey(std::string_view key) {
  if (key.size() < kTailBytes) return 0;
  const auto byte = [key](size_t back) {
    return uint32_t{static_cast<unsigned char>(key[key.size() - back])};
  };
  return byte(2) << 8 | byte(1);
}

KeyParts::KeyParts(std::string_view key) {
  if (key.size() <= kTailBytes) throw std::runtime_error("no key of a document or a term");
  is_document = key[0] == kDocument;
  field = static_cast<FieldNumber>(key[0] - kFirstField);
  term = key.substr(1, key.size() - 1 - kTailBytes);
}

void MakeDocumentValue(RunId run, uint32_t number, std::span<const uint32_t> lengths,
                       const IndexedDocument& document, bool stored, std::string* value) {
  value->clear();
  AppendRun(run, value);
  AppendVarint(number, value);
  for (const uint32_t length : lengths) AppendVarint(length, value);
  AppendText(document.id, value);
  AppendText(document.url, value);
  AppendText(document.language, value);
  AppendText(document.date, value);
  if (!stored) return;
  DocumentStoreWriter::AppendTexts(document.title, document.text, document.language, document.date,
                                   value);
}

void MakeTermValue(RunId run, std::string_view chunk, std::string* value) {
  value->clear();
  AppendRun(run, value);
  *value += chunk;
}

DocumentValue::DocumentValue(std::string_view value, size_t fields) {
  ByteReader in(value);
  run = ReadRun(&in);
  number = in.Varint32();
  for (size_t i = 0; i < fields; ++i) lengths.push_back(in.Varint32());
  entry.id = in.Text();
  entry.url = in.Text();
  entry.language = in.Text();
  entry.date = ParseDate(in.Text());
  entry.texts = RestOf(&in);
  entry.lengths = lengths;
  if (!in.ok()) throw std::runtime_error("a damaged record of a document");
}

TermValue::TermValue(std::string_view value) {
  ByteReader in(value);
  run = ReadRun(&in);
  chunk = RestOf(&in);
  if (!in.ok()) throw std::runtime_error("a damaged record of a term");
}

}  // namespace quern::search
