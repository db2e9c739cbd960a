#include "jobs/search/segment/segment_meta.h"

#include "jobs/search/segment/varint.h"

// Varints; texts are a length and so many bytes:
//   documents, flags (1 stem, 2 stop words, 4 stored texts, from 8 on the version of the
//   analysis), language of the analysis,
//   fields: how many; name, total length, bytes a document
//   languages: how many; names; bytes a document
namespace quern::search {

namespace {

constexpr uint64_t kStem = 1;
constexpr uint64_t kStopWords = 2;
constexpr uint64_t kStored = 4;
constexpr unsigned kVersionShift = 3;
constexpr size_t kMaxLanguages = UINT16_MAX;

void AppendText(std::string_view text, std::string* out) {
  AppendVarint(text.size(), out);
  *out += text;
}

bool IsWidth(uint32_t width) { return width <= 2 || width == 4; }

}  // namespace

std::string FormatSegmentMeta(const SegmentMeta& meta) {
  std::string bytes;
  AppendVarint(meta.documents, &bytes);
  AppendVarint((meta.analysis.stem ? kStem : 0) | (meta.analysis.stop_words ? kStopWords : 0) |
                   (meta.has_stored ? kStored : 0) |
                   uint64_t{meta.analysis.version} << kVersionShift,
               &bytes);
  AppendText(meta.analysis.language, &bytes);
  AppendVarint(meta.fields.size(), &bytes);
  for (size_t i = 0; i < meta.fields.size(); ++i) {
    AppendText(meta.fields[i].name, &bytes);
    AppendVarint(meta.fields[i].total_length, &bytes);
    AppendVarint(meta.length_widths[i], &bytes);
  }
  AppendVarint(meta.languages.size(), &bytes);
  for (const std::string& language : meta.languages) AppendText(language, &bytes);
  AppendVarint(meta.language_width, &bytes);
  return bytes;
}

bool ParseSegmentMeta(std::string_view bytes, SegmentMeta* meta) {
  ByteReader in(bytes);
  *meta = SegmentMeta();
  meta->documents = in.Varint32();
  const uint64_t flags = in.Varint();
  meta->analysis.stem = (flags & kStem) != 0;
  meta->analysis.stop_words = (flags & kStopWords) != 0;
  meta->has_stored = (flags & kStored) != 0;
  if (flags >> kVersionShift > UINT32_MAX) return false;
  meta->analysis.version = static_cast<uint32_t>(flags >> kVersionShift);
  meta->analysis.language = in.Text();
  const uint64_t fields = in.Varint();
  if (fields > kMaxFields) return false;
  for (uint64_t i = 0; i < fields; ++i) {
    FieldMeta& field = meta->fields.emplace_back();
    field.name = in.Text();
    field.total_length = in.Varint();
    meta->length_widths.push_back(in.Varint32());
    if (!IsWidth(meta->length_widths.back())) return false;
  }
  const uint64_t languages = in.Varint();
  if (languages > kMaxLanguages) return false;
  for (uint64_t i = 0; i < languages && in.ok(); ++i) meta->languages.emplace_back(in.Text());
  meta->language_width = in.Varint32();
  return in.ok() && in.done() && IsWidth(meta->language_width);
}

}  // namespace quern::search
