// Trains a byte-level BPE vocabulary on documents (jobs/text/bpe_trainer.h).
//
// Input: documents (jobs/corpus/document.h). Map tasks count the pieces of their texts, one reduce
// task merges. Output (bytes): encoder.json, and in the output "merges" vocab.bpe, which the jobs
// that tokenise take. The vocabulary depends on the texts alone, not on splits or machines.
#include <memory>
#include <string>

#include "jobs/corpus/document.h"
#include "jobs/params.h"
#include "jobs/text/bpe_trainer.h"
#include "jobs/text/gpt2_pieces.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::text::BpeTrainer;

// Longer ones are no words: they cost time and make no tokens that others need.
constexpr size_t kMaxPieceBytes = 256;

class TokenizerTrainMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    bytes_ = context.counter("bytes_of_text");
    long_ = context.counter("pieces_too_long");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    bytes_->Increment(static_cast<int64_t>(document->text.size()));
    quern::text::Gpt2Pieces pieces(document->text);
    for (auto piece = pieces.Next(); !piece.empty(); piece = pieces.Next()) {
      if (piece.size() > kMaxPieceBytes) {
        long_->Increment();
      } else {
        Emit(piece, 1);
      }
    }
  }

 private:
  quern::corpus::DocumentReader reader_;
  quern::Counter* bytes_ = nullptr;
  quern::Counter* long_ = nullptr;
};
QUERN_REGISTER_MAPPER(TokenizerTrainMapper);

int64_t SumOfValues(quern::ReduceInput* in) {
  int64_t sum = 0;
  for (const std::string_view value : in->values()) sum += quern::ParseInt(value);
  return sum;
}

class SumCombiner : public quern::Combiner {
 public:
  void Combine(quern::ReduceInput* in) override { Emit(SumOfValues(in)); }
};
QUERN_REGISTER_COMBINER(SumCombiner);

class TokenizerTrainReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.reduce_tasks() != 1)
      context.Fail("reduce.tasks: must be 1, to give one vocabulary");
    BpeTrainer::Options options;
    options.vocabulary_size = static_cast<size_t>(
        NumberParam(context, "vocabulary", "32000", BpeTrainer::kLeastVocabulary, 10'000'000));
    options.min_count = NumberParam(context, "min_count", "2", 1, INT64_MAX);
    trainer_ = std::make_unique<BpeTrainer>(options);
    field_ = NameParam(context, "field", "text");
    memory_mib_ = static_cast<size_t>(NumberParam(context, "memory_mib", "512", 1, 1 << 20));
    merges_ = context.output("merges");
    pieces_ = context.counter("different_pieces");
  }

  void Reduce(quern::ReduceInput* in) override {
    pieces_->Increment();
    any_piece_ = true;
    trainer_->Add(in->key(), SumOfValues(in));
    CheckMemory();
  }

  void Finish() override {
    if (!any_piece_) {
      context().Fail("no document has a text in the field '" + field_ +
                     "', of which to train. Try: --set params.field=NAME, or --format");
    }
    trainer_->Train([this](size_t tokens) {
      context().SetStatus(std::to_string(tokens) + " tokens");
      CheckMemory();
    });
    Emit("", trainer_->EncoderJson());
    merges_->Emit("", trainer_->VocabBpe());
  }

 private:
  // What the engine fetches for it, the counts of the pieces, takes less.
  void CheckMemory() {
    if ((trainer_->bytes() >> 20) < memory_mib_) return;
    context().Fail("training takes more than params.memory_mib = " + std::to_string(memory_mib_) +
                   ": the texts have many different words. Try: a part of the documents, or --set "
                   "params.memory_mib=" +
                   std::to_string(2 * memory_mib_) +
                   " --set limits.memory=" + std::to_string(4 * memory_mib_) + "MiB");
  }

  std::unique_ptr<BpeTrainer> trainer_;
  std::string field_;
  bool any_piece_ = false;
  size_t memory_mib_ = 0;
  quern::NamedOutput* merges_ = nullptr;
  quern::Counter* pieces_ = nullptr;
};
QUERN_REGISTER_REDUCER(TokenizerTrainReducer);

}  // namespace
