// Documents that share no run of words with texts that models are evaluated on.
//
// Input: documents (jobs/corpus/document.h). The evaluation sets are side files of JSON lines,
// named by params.evaluation; all strings at the top of their lines count. Output (raw), in the
// order of the input: the lines of documents without a run of 13 words (params.words) from them;
// the output "rejected" has the others, with a field
//   "rejected": {"rule": "decontaminate", "shared": 3}
// that says how many such runs they have.
#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "jobs/corpus/document.h"
#include "jobs/params.h"
#include "jobs/text/shingles.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::text::Shingler;

class DecontaminateMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    kept_ = context.counter("kept");
    rejected_ = context.counter("rejected");
    words_ = static_cast<size_t>(NumberParam(context, "words", "13", 1, 1000));
    shingler_ = std::make_unique<Shingler>(words_);
    others_ = context.output("rejected");
    for (const std::string& name : ListParam(context, "evaluation", "evaluation.jsonl")) {
      ReadSet(context, name);
    }
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const int64_t shared = CountShared(document->text);
    if (shared > 0) return Reject(*document, shared);
    kept_->Increment();
    if (!document->fields.empty()) return Emit("", in.value());
    quern::corpus::AddFields(*document, &line_);
    Emit("", line_.Take());
  }

 private:
  void ReadSet(quern::TaskContext& context, const std::string& name) {
    std::ifstream file(context.file(name), std::ios::binary);
    std::string line;
    size_t runs = 0;  // of this set, also those that another one has too
    for (size_t number = 1; std::getline(file, line); ++number) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const auto fields = quern::text::ReadJsonObject(line);
      if (!fields.has_value()) {
        context.Fail("files: " + name + ": line " + std::to_string(number) + " is no JSON object");
      }
      for (const quern::text::JsonField& field : *fields) {
        if (!quern::text::IsJsonString(field.value)) continue;
        const auto text = quern::text::ReadJsonString(field.value);
        if (!text.has_value()) {
          context.Fail("files: " + name + ": line " + std::to_string(number) + ": '" + field.name +
                       "' is no JSON string");
        }
        runs += AddText(*text);
      }
    }
    if (!file.eof()) context.Fail("files: " + name + ": cannot be read to its end");
    if (runs == 0) {
      context.Fail(
          "files: " + name + ": holds no text of " + std::to_string(words_) +
          " words. Try: longer texts, or a smaller params.words (in corpus: decontaminate.words)");
    }
  }

  // How many runs the text has. Of one of fewer words nothing can be said.
  size_t AddText(const std::string& text) {
    const auto& shingles = shingler_->Read(text);
    if (shingler_->words() < words_) return 0;
    evaluation_.insert(shingles.begin(), shingles.end());
    return shingles.size();
  }

  int64_t CountShared(const std::string& text) {
    const auto& shingles = shingler_->Read(text);
    return std::count_if(shingles.begin(), shingles.end(),
                         [this](uint64_t shingle) { return evaluation_.contains(shingle); });
  }

  void Reject(const Document& document, int64_t shared) {
    rejected_->Increment();
    quern::text::JsonObjectWriter why = quern::corpus::RejectedBy("decontaminate");
    why.AddRaw("shared", std::to_string(shared));
    others_->Emit("", RejectedLine(document, std::move(why)));
  }

  quern::corpus::DocumentReader reader_;
  size_t words_ = 0;
  std::unique_ptr<Shingler> shingler_;
  std::unordered_set<uint64_t> evaluation_;
  quern::text::JsonObjectWriter line_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* rejected_ = nullptr;
};
QUERN_REGISTER_MAPPER(DecontaminateMapper);

}  // namespace
