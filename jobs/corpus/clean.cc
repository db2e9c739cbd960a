// Documents without the lines that are no part of them, and without what names persons.
//
// Input: documents (jobs/corpus/document.h). Output (raw), in the order of the input: the
// document's line with its text cleaned (jobs/text/clean.h), without the field "tags", which
// measured another text, and with a field "pii" that says where the masks stand in the text as it
// is written: [["email", 10, 17], ["ip", 40, 9]], kind, first byte and number of bytes
// (jobs/corpus/pii.h); there is none where nothing was masked. The output "rejected" has documents
// of which nothing is left, as they came, with a field
//   "rejected": {"rule": "clean.notices", "value": 3}
// of the rule by which most of their lines went, and how many; the other rules by which lines went,
// if any, as "also": {"clean.words_min": {"value": 1}}. A blank text is rejected by
// "clean.no_text".
#include "jobs/text/clean.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "jobs/corpus/document.h"
#include "jobs/corpus/pii.h"
#include "jobs/params.h"
#include "jobs/text/personal_data.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::text::CleanedLines;
using quern::text::MaskedText;

size_t SizeParam(quern::TaskContext& context, std::string_view name, size_t fallback) {
  return static_cast<size_t>(NumberParam(context, name, std::to_string(fallback), 0, INT64_MAX));
}

// The rules by which lines go, in the order in which they are asked.
struct LineRule {
  std::string_view name;
  size_t CleanedLines::*lines;
};
constexpr std::array<LineRule, 4> kLineRules = {{{"token_max", &CleanedLines::long_tokens},
                                                 {"terminal_marks", &CleanedLines::unterminated},
                                                 {"words_min", &CleanedLines::short_lines},
                                                 {"notices", &CleanedLines::notices}}};

void AddLines(const LineRule& rule, const CleanedLines& cleaned,
              quern::text::JsonObjectWriter* json) {
  json->AddRaw("value", std::to_string(cleaned.*rule.lines));
}

// Of a document of which nothing is left.
quern::text::JsonObjectWriter WhyRejected(const CleanedLines& cleaned) {
  const auto less = [&](const LineRule& a, const LineRule& b) {
    return cleaned.*a.lines < cleaned.*b.lines;
  };
  const LineRule& most = *std::max_element(kLineRules.begin(), kLineRules.end(), less);
  const bool any = cleaned.*most.lines > 0;
  quern::text::JsonObjectWriter why =
      quern::corpus::RejectedBy(any ? "clean." + std::string(most.name) : "clean.no_text");
  if (any) AddLines(most, cleaned, &why);
  quern::text::JsonObjectWriter others;
  bool also = false;
  for (const LineRule& rule : kLineRules) {
    if (&rule == &most || cleaned.*rule.lines == 0) continue;
    quern::text::JsonObjectWriter lines;
    AddLines(rule, cleaned, &lines);
    others.AddRaw("clean." + std::string(rule.name), lines.Take());
    also = true;
  }
  if (also) why.AddRaw("also", others.Take());
  return why;
}

// What stands where is said of the line, in which a byte that is no UTF-8 is three.
MaskedText Masked(const std::string& text) {
  MaskedText masked = quern::text::MaskPersonalData(text);
  if (masked.spans.empty()) return masked;
  const std::string written = quern::corpus::Utf8Of(text);
  return written == text ? masked : quern::text::MaskPersonalData(written);
}

class CleanMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    rules_.words_min = SizeParam(context, "words_min", rules_.words_min);
    rules_.token_max = SizeParam(context, "token_max", rules_.token_max);
    rules_.terminal_marks = FlagParam(context, "terminal_marks");
    rules_.citations = FlagParam(context, "citations", "true");
    rules_.notices = FlagParam(context, "notices", "true");
    mask_ = FlagParam(context, "mask", "true");
    nothing_left_ = context.counter("documents_of_which_nothing_is_left");
    for (size_t i = 0; i < kLineRules.size(); ++i) {
      dropped_[i] = context.counter("lines_dropped." + std::string(kLineRules[i].name));
    }
    others_ = context.output("rejected");
    citations_ = context.counter("citations_removed");
    emails_ = context.counter("emails_masked");
    addresses_ = context.counter("addresses_masked");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    CleanedLines cleaned = quern::text::CleanLines(document->text, rules_);
    Count(cleaned);
    if (cleaned.text.empty()) return Reject(*document, cleaned);
    if (!mask_) return Write(*document, {std::move(cleaned.text), {}});
    const MaskedText masked = Masked(cleaned.text);
    const quern::corpus::PiiCounts counts = quern::corpus::CountPii(masked.spans);
    emails_->Increment(static_cast<int64_t>(counts.emails));
    addresses_->Increment(static_cast<int64_t>(counts.ips));
    Write(*document, masked);
  }

 private:
  void Count(const CleanedLines& cleaned) {
    for (size_t i = 0; i < kLineRules.size(); ++i) {
      dropped_[i]->Increment(static_cast<int64_t>(cleaned.*kLineRules[i].lines));
    }
    citations_->Increment(static_cast<int64_t>(cleaned.citations));
  }

  void Reject(const Document& document, const CleanedLines& cleaned) {
    nothing_left_->Increment();
    others_->Emit("", RejectedLine(document, WhyRejected(cleaned)));
  }

  void Write(const Document& document, const MaskedText& masked) {
    if (document.fields.empty()) {
      line_.AddString("id", document.id);
      line_.AddString("text", masked.text);
    }
    for (const quern::text::JsonField& field : document.fields) {
      if (field.name == "tags" || field.name == quern::corpus::kPiiField) continue;
      if (field.name == reader_.field()) {
        line_.AddString(field.name, masked.text);
      } else {
        line_.AddRaw(field.name, field.value);
      }
    }
    if (!masked.spans.empty()) {
      line_.AddRaw(quern::corpus::kPiiField, quern::corpus::PiiJson(masked.spans));
    }
    Emit("", line_.Take());
  }

  quern::corpus::DocumentReader reader_;
  quern::text::CleanRules rules_;
  bool mask_ = true;
  quern::text::JsonObjectWriter line_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* nothing_left_ = nullptr;
  std::array<quern::Counter*, kLineRules.size()> dropped_{};
  quern::Counter* citations_ = nullptr;
  quern::Counter* emails_ = nullptr;
  quern::Counter* addresses_ = nullptr;
};
QUERN_REGISTER_MAPPER(CleanMapper);

}  // namespace
