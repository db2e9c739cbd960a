#include "jobs/search/segment/segment_writer.h"

#include <stdexcept>
#include <utility>

#include "common/crc32c.h"
#include "jobs/search/segment/document_numbers.h"
#include "jobs/search/segment/fixed_numbers.h"

namespace quern::search {

namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kDictionaryPieceBytes = 1 << 20;

}  // namespace

SegmentWriter::SegmentWriter(const SegmentWriterOptions& options, Sink sink)
    : sink_(std::move(sink)),
      store_(options.stored),
      lengths_(options.fields.size()),
      postings_(options.held_bytes) {
  if (options.fields.empty() || options.fields.size() > kMaxFields) {
    throw std::length_error("a segment has 1 to 32 fields");
  }
  meta_.analysis = options.analysis;
  meta_.has_stored = options.stored;
  for (const std::string& name : options.fields) meta_.fields.push_back({name, 0});
  header_ = kSegmentMagic;
  AppendFixed<uint32_t>(Version(), &header_);
  sink_(header_);
  offset_ = header_.size();
  BeginSection(SectionKind::kDocuments);
}

// The lowest that says all, so that what is merged from old segments stays readable to whoever
// could read those.
uint32_t SegmentWriter::Version() const {
  return meta_.analysis.version == 0 ? kFirstSegmentVersion : kSegmentVersion;
}

void SegmentWriter::BeginSection(SectionKind kind) { sections_.push_back({kind, 0, offset_, 0}); }

void SegmentWriter::Append(std::string_view bytes) {
  Section& section = sections_.back();
  section.crc = ExtendCrc32c(section.crc, bytes.data(), bytes.size());
  section.size += bytes.size();
  offset_ += bytes.size();
  sink_(bytes);
}

void SegmentWriter::AppendSection(SectionKind kind, std::string_view bytes) {
  BeginSection(kind);
  Append(bytes);
}

uint32_t SegmentWriter::NumberOfLanguage(std::string_view language) {
  if (language.empty() || language.size() > kMaxLanguageBytes) return 0;
  const auto known = language_numbers_.find(language);
  if (known != language_numbers_.end()) return known->second;
  // What comes behind so many is no language.
  if (meta_.languages.size() == UINT16_MAX) return 0;
  meta_.languages.emplace_back(language);
  const auto number = static_cast<uint32_t>(meta_.languages.size());
  language_numbers_.emplace(language, number);
  return number;
}

void SegmentWriter::AddDocument(const DocumentEntry& document) {
  if (documents_ == kNoMoreDocuments - 1) throw std::length_error("too many documents");
  ++documents_;
  for (size_t field = 0; field < lengths_.size(); ++field) {
    lengths_[field].push_back(document.lengths[field]);
    meta_.fields[field].total_length += document.lengths[field];
  }
  languages_.push_back(NumberOfLanguage(document.language));
  const int32_t date = document.date.value_or(kNoDate);
  has_dates_ = has_dates_ || date != kNoDate;
  dates_.push_back(static_cast<uint32_t>(date));
  store_.Add(document.id, document.url, document.texts, &pending_);
  if (pending_.size() >= kPieceBytes) Append(std::exchange(pending_, {}));
}

void SegmentWriter::EndDocuments() {
  in_terms_ = true;
  document_index_ = store_.Finish(&pending_);
  Append(std::exchange(pending_, {}));
  BeginSection(SectionKind::kTerms);
}

void SegmentWriter::AppendToTerms(std::string_view bytes) {
  pending_ += bytes;
  if (pending_.size() >= kPieceBytes) Append(std::exchange(pending_, {}));
}

void SegmentWriter::FinishTerm(FieldNumber field, std::string_view term) {
  if (!in_terms_) EndDocuments();
  if (term.size() >= kMaxKeyBytes) throw std::length_error("a term is too long");
  const uint64_t offset = sections_.back().size + pending_.size();
  TermInfo info = postings_.Finish([this](std::string_view bytes) { AppendToTerms(bytes); });
  info.postings_offset = offset;
  key_.assign(1, static_cast<char>(field)).append(term);
  dictionary_.Add(key_, info);
  // Between two blocks, since the data of one lie together.
  if (dictionary_.AtBlockBegin() && dictionary_.kept_bytes() >= kDictionaryPieceBytes) FlushTerms();
}

void SegmentWriter::FlushTerms() {
  Append(std::exchange(pending_, {}));
  Append(dictionary_.TakeBlocks(sections_.back().size));
}

void SegmentWriter::EndTerms() {
  if (!in_terms_) EndDocuments();
  FlushTerms();
  AppendSection(SectionKind::kTermIndex, dictionary_.Index());
  AppendSection(SectionKind::kDocumentIndex, document_index_);
}

SegmentMeta SegmentWriter::Finish() {
  EndTerms();
  BeginSection(SectionKind::kLengths);
  for (const std::vector<uint32_t>& lengths : lengths_) {
    meta_.length_widths.push_back(WidthOf(lengths));
    std::string bytes;
    AppendNumbers(lengths, meta_.length_widths.back(), &bytes);
    Append(bytes);
  }
  meta_.documents = documents_;
  meta_.language_width = WidthOf(languages_);
  std::string values;
  AppendNumbers(languages_, meta_.language_width, &values);
  AppendSection(SectionKind::kLanguages, values);
  values.clear();
  AppendNumbers(dates_, has_dates_ ? 4 : 0, &values);
  AppendSection(SectionKind::kDates, values);
  AppendSection(SectionKind::kMeta, FormatSegmentMeta(meta_));
  AppendTable();
  return meta_;
}

void SegmentWriter::AppendTable() {
  std::string table;
  for (const Section& section : sections_) {
    AppendFixed<uint32_t>(static_cast<uint32_t>(section.kind), &table);
    AppendFixed<uint32_t>(section.crc, &table);
    AppendFixed<uint64_t>(section.offset, &table);
    AppendFixed<uint64_t>(section.size, &table);
  }
  AppendFixed<uint32_t>(static_cast<uint32_t>(sections_.size()), &table);
  const uint32_t crc = ExtendCrc32c(Crc32c(header_), table.data(), table.size());
  AppendFixed<uint32_t>(crc, &table);
  AppendFixed<uint32_t>(Version(), &table);
  table += kSegmentEndMagic;
  sink_(table);
}

}  // namespace quern::search
