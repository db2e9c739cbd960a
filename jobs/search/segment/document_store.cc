#include "jobs/search/segment/document_store.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "jobs/search/segment/fixed_numbers.h"
#include "jobs/search/segment/varint.h"

namespace quern::search {

namespace {

constexpr int kLevel = 3;

template <typename Number>
void AppendAll(const std::vector<Number>& numbers, std::string* out) {
  AppendFixed<uint32_t>(static_cast<uint32_t>(numbers.size()), out);
  for (const Number number : numbers) AppendFixed<Number>(number, out);
}

// Takes `count` numbers of `size` bytes off the front.
bool TakeNumbers(size_t count, size_t size, std::string_view* bytes, std::string_view* numbers) {
  if (count > bytes->size() / size) return false;
  *numbers = bytes->substr(0, count * size);
  bytes->remove_prefix(count * size);
  return true;
}
bool TakeCount(std::string_view* bytes, size_t* count) {
  std::string_view number;
  if (!TakeNumbers(1, sizeof(uint32_t), bytes, &number)) return false;
  *count = ReadFixed<uint32_t>(number);
  return true;
}

std::string_view TailAt(std::string_view bytes, uint64_t at) {
  return at <= bytes.size() ? bytes.substr(at) : std::string_view();
}

void ReadName(ByteReader* in, std::string* name) {
  const uint64_t shared = in->Varint();
  if (shared > name->size()) return in->Fail();
  name->resize(shared);
  *name += in->Text();
}

// So that what a frame says of its size is not believed.
bool DecompressInSteps(std::string_view frame, std::string* texts) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        ZSTD_freeDStream);
  std::vector<char> step(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  while (true) {
    ZSTD_outBuffer out{step.data(), step.size(), 0};
    const size_t left = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(left) != 0 || out.pos > kMaxTextsBlockBytes - texts->size()) return false;
    texts->append(step.data(), out.pos);
    if (left == 0) return true;
    if (in.pos == in.size && out.pos < out.size) return false;  // cut off
  }
}

// Texts become smaller than this rarely: who says more is not believed before it is there.
constexpr size_t kMostTimesSmaller = 100;

// At once, where the frame says how large its texts are.
bool Decompress(std::string_view frame, std::string* texts) {
  const size_t most = std::min(kMaxTextsBlockBytes, frame.size() * kMostTimesSmaller);
  const uint64_t size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size > most) return DecompressInSteps(frame, texts);  // also when it does not say
  texts->resize(size);
  return ZSTD_decompress(texts->data(), size, frame.data(), frame.size()) == size;
}

}  // namespace

struct DocumentStoreWriter::Compressor {
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::string frame;
};

DocumentStoreWriter::DocumentStoreWriter(bool with_texts)
    : compressor_(with_texts ? std::make_unique<Compressor>() : nullptr) {}
DocumentStoreWriter::~DocumentStoreWriter() = default;

void DocumentStoreWriter::AppendTexts(std::string_view title, std::string_view text,
                                      std::string_view language, std::string_view date,
                                      std::string* texts) {
  for (const std::string_view one : {title, text, language, date}) {
    AppendVarint(one.size(), texts);
    *texts += one;
  }
}

void DocumentStoreWriter::Append(std::string_view bytes, std::string* section) {
  *section += bytes;
  offset_ += bytes.size();
}

void DocumentStoreWriter::AddName(std::string_view name, std::string* last) {
  const auto differs = std::mismatch(last->begin(), last->end(), name.begin(), name.end());
  const auto shared = static_cast<size_t>(differs.second - name.begin());
  AppendVarint(shared, &names_);
  AppendVarint(name.size() - shared, &names_);
  names_ += name.substr(shared);
  *last = name;
}

void DocumentStoreWriter::Add(std::string_view id, std::string_view url, std::string_view texts,
                              std::string* section) {
  AddName(id, &last_id_);
  AddName(url, &last_url_);
  ++documents_;
  if (documents_ % kNamesBlock == 0) CloseNames(section);
  if (compressor_ == nullptr) return;
  if (texts_.empty()) first_of_texts_ = documents_ - 1;
  if (texts.size() > kMaxTextsBlockBytes - texts_.size()) {
    throw std::length_error("a document has more text than can be stored");
  }
  texts_ += texts;
  if (texts_.size() >= kTextsBlockBytes) CloseTexts(section);
}

void DocumentStoreWriter::CloseNames(std::string* section) {
  if (names_.empty()) return;
  names_offsets_.push_back(offset_);
  Append(names_, section);
  names_.clear();
  last_id_.clear();
  last_url_.clear();
}

void DocumentStoreWriter::CloseTexts(std::string* section) {
  if (texts_.empty()) return;
  std::string& frame = compressor_->frame;
  frame.resize(ZSTD_compressBound(texts_.size()));
  const size_t size = ZSTD_compressCCtx(compressor_->context.get(), frame.data(), frame.size(),
                                        texts_.data(), texts_.size(), kLevel);
  if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
  texts_firsts_.push_back(first_of_texts_);
  texts_offsets_.push_back(offset_);
  std::string length;
  AppendVarint(size, &length);
  Append(length, section);
  Append(std::string_view(frame).substr(0, size), section);
  texts_.clear();
}

std::string DocumentStoreWriter::Finish(std::string* section) {
  CloseNames(section);
  CloseTexts(section);
  std::string index;
  AppendAll(names_offsets_, &index);
  AppendAll(texts_firsts_, &index);
  for (const uint64_t offset : texts_offsets_) AppendFixed<uint64_t>(offset, &index);
  return index;
}

bool DocumentStore::Open(std::string_view index, std::string_view section, uint32_t documents) {
  section_ = section;
  size_t names_blocks = 0;
  return TakeCount(&index, &names_blocks) &&
         names_blocks == (size_t{documents} + kNamesBlock - 1) / kNamesBlock &&
         TakeNumbers(names_blocks, sizeof(uint64_t), &index, &names_offsets_) &&
         TakeCount(&index, &texts_blocks_) &&
         TakeNumbers(texts_blocks_, sizeof(uint32_t), &index, &texts_firsts_) &&
         TakeNumbers(texts_blocks_, sizeof(uint64_t), &index, &texts_offsets_) && index.empty();
}

DocumentStore::Names DocumentStore::NamesOf(uint32_t doc) const {
  return DocumentReader(*this).NamesOf(doc);
}

size_t DocumentStore::TextsBlockOf(uint32_t doc) const {
  size_t block = 0;
  for (size_t high = texts_blocks_; high - block > 1;) {
    const size_t middle = block + (high - block) / 2;
    (NumberAt<uint32_t>(texts_firsts_, middle) <= doc ? block : high) = middle;
  }
  return block;
}

bool DocumentStore::Read(uint32_t doc, StoredDocument* document) const {
  DocumentReader reader(*this);
  const std::optional<std::string_view> texts = reader.TextsOf(doc);
  if (!texts.has_value()) return false;
  ByteReader fields(*texts);
  document->title = fields.Text();
  document->text = fields.Text();
  document->language = fields.Text();
  document->date = fields.Text();
  const Names& names = reader.NamesOf(doc);
  document->id = names.id;
  document->url = names.url;
  return true;
}

const DocumentStore::Names& DocumentReader::NamesOf(uint32_t doc) {
  if (doc + 1 == next_name_ && doc < names_end_) return names_;
  if (doc < next_name_ || doc >= names_end_) {
    const size_t block = doc / kNamesBlock;
    names_in_ =
        ByteReader(TailAt(store_->section_, NumberAt<uint64_t>(store_->names_offsets_, block)));
    names_ = {};
    next_name_ = static_cast<uint32_t>(block * kNamesBlock);
    names_end_ = next_name_ + static_cast<uint32_t>(kNamesBlock);
  }
  for (; next_name_ <= doc; ++next_name_) {
    ReadName(&names_in_, &names_.id);
    ReadName(&names_in_, &names_.url);
  }
  if (!names_in_.ok()) names_ = {};
  return names_;
}

bool DocumentReader::OpenTexts(uint32_t doc) {
  texts_.clear();
  texts_end_ = 0;
  const size_t block = store_->TextsBlockOf(doc);
  if (block >= store_->texts_blocks_) return false;
  ByteReader in(TailAt(store_->section_, NumberAt<uint64_t>(store_->texts_offsets_, block)));
  const std::string_view frame = in.Text();
  if (!in.ok() || !Decompress(frame, &texts_)) return false;
  rest_at_ = 0;
  next_text_ = NumberAt<uint32_t>(store_->texts_firsts_, block);
  texts_end_ = block + 1 < store_->texts_blocks_
                   ? NumberAt<uint32_t>(store_->texts_firsts_, block + 1)
                   : uint64_t{UINT32_MAX} + 1;
  return true;
}

std::optional<std::string_view> DocumentReader::TextsOf(uint32_t doc) {
  if ((doc < next_text_ || doc >= texts_end_) && !OpenTexts(doc)) return std::nullopt;
  while (true) {
    const std::string_view rest = std::string_view(texts_).substr(rest_at_);
    ByteReader fields(rest);
    for (int i = 0; i < 4; ++i) fields.Text();
    const std::string_view texts = rest.substr(0, rest.size() - fields.left());
    if (!fields.ok() || next_text_ > doc) return std::nullopt;
    if (next_text_ == doc) return texts;
    rest_at_ += texts.size();
    ++next_text_;
  }
}

}  // namespace quern::search
