#include "jobs/search/segment/segment.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "common/crc32c.h"
#include "common/fd.h"
#include "common/storage/mapped_range.h"
#include "jobs/search/segment/document_numbers.h"
#include "jobs/search/segment/fixed_numbers.h"
#include "jobs/search/segment/segment_format.h"
#include "jobs/search/segment/term_dictionary.h"

namespace quern::search {

namespace {

// A file of this machine in memory, read-only.
absl::StatusOr<MappedRange> MapFile(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(errno, "open");
  struct stat info = {};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  const auto size = static_cast<size_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size == 0) return DataLossError("no segment: not a file of bytes");
  MappedRange mapping;
  if (!mapping.Map(fd.get(), 0, size)) return ErrnoStatus(errno, "map");
  return mapping;
}

struct Section {
  std::string_view bytes;
  uint32_t crc = 0;
};
using Sections = std::array<Section, kSectionKinds + 1>;  // by kind

constexpr std::array<std::string_view, kSectionKinds + 1> kSectionNames = {
    "",          "documents", "terms", "index of terms", "index of documents", "lengths",
    "languages", "dates",     "meta"};

// The frame: every byte of the file is its own or a section's.
absl::StatusOr<Sections> ReadTable(std::string_view file) {
  constexpr size_t kCountAt = 0, kCrcAt = 4, kVersionAt = 8, kMagicAt = 12;
  if (file.size() < kSegmentHeaderBytes + kSegmentTrailerBytes ||
      !file.starts_with(kSegmentMagic)) {
    return DataLossError("no segment of a search index");
  }
  const auto version = ReadFixed<uint32_t>(file, kSegmentMagic.size());
  const size_t trailer_at = file.size() - kSegmentTrailerBytes;
  const std::string_view trailer = file.substr(trailer_at);
  if (trailer.substr(kMagicAt) != kSegmentEndMagic) return DataLossError("cut off, or damaged");
  if (version != ReadFixed<uint32_t>(trailer, kVersionAt)) return DataLossError("damaged header");
  if (version < kFirstSegmentVersion || version > kSegmentVersion) {
    return UnimplementedError("a segment of version {}; this program reads {} to {}", version,
                              kFirstSegmentVersion, kSegmentVersion);
  }
  const size_t count = ReadFixed<uint32_t>(trailer, kCountAt);
  if (count > (trailer_at - kSegmentHeaderBytes) / kSectionEntryBytes) {
    return DataLossError("damaged table of sections");
  }
  const std::string_view table =
      file.substr(trailer_at - count * kSectionEntryBytes, count * kSectionEntryBytes + kCrcAt);
  const uint32_t crc =
      ExtendCrc32c(Crc32c(file.substr(0, kSegmentHeaderBytes)), table.data(), table.size());
  if (crc != ReadFixed<uint32_t>(trailer, kCrcAt))
    return DataLossError("damaged table of sections");
  Sections sections;
  uint64_t next = kSegmentHeaderBytes;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view entry = table.substr(i * kSectionEntryBytes, kSectionEntryBytes);
    const auto kind = ReadFixed<uint32_t>(entry, 0);
    const auto size = ReadFixed<uint64_t>(entry, 16);
    const uint64_t end = trailer_at - count * kSectionEntryBytes;
    if (kind == 0 || kind > kSectionKinds || ReadFixed<uint64_t>(entry, 8) != next ||
        size > end - next || sections[kind].bytes.data() != nullptr) {
      return DataLossError("damaged table of sections");
    }
    sections[kind] = {file.substr(next, size), ReadFixed<uint32_t>(entry, 4)};
    next += size;
  }
  if (next != trailer_at - count * kSectionEntryBytes) {
    return DataLossError("damaged table of sections");
  }
  return sections;
}

absl::Status CheckSection(const Sections& sections, SectionKind kind) {
  const auto number = static_cast<size_t>(kind);
  if (Crc32c(sections[number].bytes) == sections[number].crc) return absl::OkStatus();
  return DataLossError("section {}: does not match its checksum", kSectionNames[number]);
}

absl::Status CheckSections(const Sections& sections) {
  for (uint32_t kind = 1; kind <= kSectionKinds; ++kind) {
    RETURN_IF_ERROR(CheckSection(sections, static_cast<SectionKind>(kind)));
  }
  return absl::OkStatus();
}

}  // namespace

struct Segment::Parts {
  explicit Parts(MappedRange mapped) : mapping(std::move(mapped)) {}

  std::string_view bytes_of(SectionKind kind) const {
    return sections[static_cast<size_t>(kind)].bytes;
  }
  absl::Status Open(const SegmentOptions& options);
  bool OpenNumbers();

  const MappedRange mapping;
  Sections sections;
  SegmentMeta meta;
  TermDictionary dictionary;
  DocumentStore store;
  std::vector<DocumentNumbers> lengths;
  DocumentNumbers languages;
  std::string_view dates;
};

// Of each section the size that the meta section says.
bool Segment::Parts::OpenNumbers() {
  const uint64_t documents = meta.documents;
  std::string_view rest = bytes_of(SectionKind::kLengths);
  for (const uint32_t width : meta.length_widths) {
    if (documents * width > rest.size()) return false;
    lengths.emplace_back(rest, width);
    rest.remove_prefix(documents * width);
  }
  languages = DocumentNumbers(bytes_of(SectionKind::kLanguages), meta.language_width);
  dates = bytes_of(SectionKind::kDates);
  return rest.empty() &&
         bytes_of(SectionKind::kLanguages).size() == documents * meta.language_width &&
         (dates.empty() || dates.size() == documents * sizeof(int32_t));
}

absl::Status Segment::Parts::Open(const SegmentOptions& options) {
  if (options.verify) {
    RETURN_IF_ERROR(CheckSections(sections));
  } else {
    for (const SectionKind kind :
         {SectionKind::kTermIndex, SectionKind::kDocumentIndex, SectionKind::kMeta}) {
      RETURN_IF_ERROR(CheckSection(sections, kind));
    }
  }
  if (!ParseSegmentMeta(bytes_of(SectionKind::kMeta), &meta)) {
    return DataLossError("section meta: makes no sense");
  }
  if (!dictionary.Open(bytes_of(SectionKind::kTermIndex), bytes_of(SectionKind::kTerms))) {
    return DataLossError("section index of terms: makes no sense");
  }
  if (!store.Open(bytes_of(SectionKind::kDocumentIndex), bytes_of(SectionKind::kDocuments),
                  meta.documents)) {
    return DataLossError("section index of documents: makes no sense");
  }
  if (!OpenNumbers()) return DataLossError("lengths, languages or dates: not one a document");
  return absl::OkStatus();
}

Segment::Segment(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Segment::~Segment() = default;

absl::StatusOr<std::unique_ptr<Segment>> Segment::Open(std::string_view bytes,
                                                       const SegmentOptions& options) {
  auto parts = std::make_unique<Parts>(MappedRange());
  ASSIGN_OR_RETURN(parts->sections, ReadTable(bytes));
  RETURN_IF_ERROR(parts->Open(options));
  return std::unique_ptr<Segment>(new Segment(std::move(parts)));
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::OpenFile(const std::string& path,
                                                           const SegmentOptions& options) {
  absl::StatusOr<MappedRange> mapping = MapFile(path);
  if (!mapping.ok()) return mapping.status();
  auto parts = std::make_unique<Parts>(*std::move(mapping));
  absl::StatusOr<Sections> sections = ReadTable(parts->mapping.bytes());
  if (!sections.ok()) return sections.status();
  parts->sections = *sections;
  RETURN_IF_ERROR(parts->Open(options));
  return std::unique_ptr<Segment>(new Segment(std::move(parts)));
}

const SegmentMeta& Segment::meta() const { return parts_->meta; }

std::optional<FieldNumber> Segment::FindField(std::string_view name) const {
  for (size_t i = 0; i < meta().fields.size(); ++i) {
    if (meta().fields[i].name == name) return static_cast<FieldNumber>(i);
  }
  return std::nullopt;
}

std::optional<TermInfo> Segment::Find(FieldNumber field, std::string_view term) const {
  std::string key(1, static_cast<char>(field));
  key += term;
  TermBlockReader entries(parts_->dictionary.Block(parts_->dictionary.FindBlock(key)));
  while (entries.Next()) {
    if (entries.key() >= key) {
      return entries.key() == key ? std::optional(entries.info()) : std::nullopt;
    }
  }
  return std::nullopt;
}

TermIterator Segment::Prefix(FieldNumber field, std::string_view prefix) const {
  return TermIterator(parts_->dictionary, field, prefix);
}

PostingsCursor Segment::Postings(const TermInfo& term) const {
  if (term.field >= parts_->lengths.size()) return PostingsCursor();
  return PostingsCursor(term, parts_->bytes_of(SectionKind::kTerms), documents(),
                        parts_->lengths[term.field]);
}

uint32_t Segment::length(FieldNumber field, uint32_t doc) const {
  return parts_->lengths[field].Of(doc);
}

std::string_view Segment::language(uint32_t doc) const {
  const uint32_t number = parts_->languages.Of(doc);
  return number == 0 || number > meta().languages.size() ? std::string_view()
                                                         : meta().languages[number - 1];
}

std::optional<int32_t> Segment::date(uint32_t doc) const {
  if (parts_->dates.empty()) return std::nullopt;
  const auto days = NumberAt<int32_t>(parts_->dates, doc);
  return days == kNoDate ? std::nullopt : std::optional(days);
}

std::string Segment::id(uint32_t doc) const { return parts_->store.NamesOf(doc).id; }
std::string Segment::url(uint32_t doc) const { return parts_->store.NamesOf(doc).url; }

DocumentReader Segment::ReadDocuments() const { return DocumentReader(parts_->store); }

absl::StatusOr<StoredDocument> Segment::Stored(uint32_t doc) const {
  if (!meta().has_stored) return NotFoundError("the index stores no texts");
  StoredDocument document;
  if (!parts_->store.Read(doc, &document)) {
    return DataLossError("document {}: its text cannot be read", doc);
  }
  return document;
}

absl::Status Segment::Verify() const { return CheckSections(parts_->sections); }

absl::Status Segment::SetDeletions(Deletions deletions) {
  if (deletions.documents() != documents()) {
    return InvalidArgumentError("deletions of {} documents for a segment of {}",
                                deletions.documents(), documents());
  }
  deletions_ = std::move(deletions);
  return absl::OkStatus();
}

}  // namespace quern::search
