// Finds documents that are nearly equal (jobs/text/minhash.h) and says which are duplicates of
// which.
//
// Input: documents (jobs/corpus/document.h) with ids of their own. Output (raw): edges
// (jobs/corpus/duplicates.h), the same one from several bands perhaps. Of two copies the one is
// kept whose id is less; with params.keep=longest the one with more text.
#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>

#include "jobs/corpus/document.h"
#include "jobs/corpus/duplicates.h"
#include "jobs/text/minhash.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Edge;
using quern::corpus::StarMaker;

class NearDuplicatesMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    too_short_ = context.counter("documents_without_words");
    const std::string keep(context.param("keep", "first"));
    if (keep != "first" && keep != "longest") {
      context.Fail("params.keep = '" + keep + "': must be first or longest");
    }
    longest_ = keep == "longest";
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const quern::text::MinHashSignature signature = hasher_.Sign(document->text);
    if (signature.shingles == 0) return too_short_->Increment();
    const std::string node = quern::corpus::MakeNode(RankOf(document->text), document->id);
    const auto bands = signature.Bands();
    for (const uint64_t band : bands) Emit(quern::Ordered(band, node), "");
  }

 private:
  // The less the better.
  uint32_t RankOf(std::string_view text) const {
    if (!longest_) return 0;
    return UINT32_MAX - static_cast<uint32_t>(std::min<size_t>(text.size(), UINT32_MAX));
  }

  quern::corpus::DocumentReader reader_;
  quern::text::MinHasher hasher_;
  bool longest_ = false;
  quern::Counter* too_short_ = nullptr;
};
QUERN_REGISTER_MAPPER(NearDuplicatesMapper);

// With [reduce] group = 1: one call for each band, its documents in order.
class NearDuplicatesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override { edges_ = context.counter("edges"); }

  void Reduce(quern::ReduceInput* in) override {
    const auto emit = [this](const Edge& edge) {
      edges_->Increment();
      Emit(quern::corpus::EdgeLine(edge));
    };
    star_.Start("");
    for (const auto& [key, value] : in->records()) {
      star_.Add(std::get<1>(quern::Decode<uint64_t, std::string>(key)), emit);
    }
  }

 private:
  StarMaker star_{StarMaker::Step::kJoin};
  quern::Counter* edges_ = nullptr;
};
QUERN_REGISTER_REDUCER(NearDuplicatesReducer);

}  // namespace
