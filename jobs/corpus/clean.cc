// Documents without the lines that are no part of them, and without what names persons.
//
// Input: documents (jobs/corpus/document.h). Output (raw), in the order of the input: the
// document's line with its text cleaned (jobs/text/clean.h), without the field "tags", which
// measured another text. Documents of which nothing is left are counted and left out.
#include "jobs/text/clean.h"

#include <charconv>
#include <string>

#include "jobs/corpus/document.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::text::CleanedLines;
using quern::text::MaskedText;

size_t SizeParam(quern::TaskContext& context, std::string_view name, size_t fallback) {
  const std::string_view value = context.param(name);
  if (value.empty()) return fallback;
  size_t number = 0;
  const char* const end = value.data() + value.size();
  const auto [last, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || last != end) {
    context.Fail("params." + std::string(name) + " = '" + std::string(value) +
                 "': must be a whole number");
  }
  return number;
}

// "true" unless it is set.
bool OnParam(quern::TaskContext& context, std::string_view name) {
  return context.param(name).empty() || FlagParam(context, name);
}

class CleanMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    rules_.words_min = SizeParam(context, "words_min", rules_.words_min);
    rules_.token_max = SizeParam(context, "token_max", rules_.token_max);
    rules_.terminal_marks = FlagParam(context, "terminal_marks");
    rules_.citations = OnParam(context, "citations");
    rules_.notices = OnParam(context, "notices");
    mask_ = OnParam(context, "mask");
    nothing_left_ = context.counter("documents_of_which_nothing_is_left");
    short_lines_ = context.counter("lines_dropped.words_min");
    long_tokens_ = context.counter("lines_dropped.token_max");
    unterminated_ = context.counter("lines_dropped.terminal_marks");
    notices_ = context.counter("lines_dropped.notices");
    citations_ = context.counter("citations_removed");
    emails_ = context.counter("emails_masked");
    addresses_ = context.counter("addresses_masked");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    CleanedLines cleaned = quern::text::CleanLines(document->text, rules_);
    Count(cleaned);
    if (cleaned.text.empty()) return nothing_left_->Increment();
    if (mask_) {
      MaskedText masked = quern::text::MaskPersonalData(cleaned.text);
      emails_->Increment(static_cast<int64_t>(masked.emails));
      addresses_->Increment(static_cast<int64_t>(masked.addresses));
      cleaned.text = std::move(masked.text);
    }
    Write(*document, cleaned.text);
  }

 private:
  void Count(const CleanedLines& cleaned) {
    short_lines_->Increment(static_cast<int64_t>(cleaned.short_lines));
    long_tokens_->Increment(static_cast<int64_t>(cleaned.long_tokens));
    unterminated_->Increment(static_cast<int64_t>(cleaned.unterminated));
    notices_->Increment(static_cast<int64_t>(cleaned.notices));
    citations_->Increment(static_cast<int64_t>(cleaned.citations));
  }

  void Write(const Document& document, const std::string& text) {
    if (document.fields.empty()) {
      line_.AddString("id", document.id);
      line_.AddString("text", text);
    }
    for (const quern::text::JsonField& field : document.fields) {
      if (field.name == "tags") continue;
      if (field.name == reader_.field()) {
        line_.AddString(field.name, text);
      } else {
        line_.AddRaw(field.name, field.value);
      }
    }
    Emit("", line_.Take());
  }

  quern::corpus::DocumentReader reader_;
  quern::text::CleanRules rules_;
  bool mask_ = true;
  quern::text::JsonObjectWriter line_;
  quern::Counter* nothing_left_ = nullptr;
  quern::Counter* short_lines_ = nullptr;
  quern::Counter* long_tokens_ = nullptr;
  quern::Counter* unterminated_ = nullptr;
  quern::Counter* notices_ = nullptr;
  quern::Counter* citations_ = nullptr;
  quern::Counter* emails_ = nullptr;
  quern::Counter* addresses_ = nullptr;
};
QUERN_REGISTER_MAPPER(CleanMapper);

}  // namespace
