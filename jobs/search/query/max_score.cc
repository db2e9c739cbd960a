#include "jobs/search/query/max_score.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

namespace quern::search {
namespace {

// What compilers make vector instructions of; GCC and Clang know both by these words.
using Floats = float __attribute__((vector_size(16)));
using Integers = int32_t __attribute__((vector_size(16)));

// ScorePart of four documents, each to the last bit as one alone.
void ScoreFour(float weight, const uint32_t* frequencies, const float* inverse_norms,
               Score* scores) {
  Integers frequency;
  Floats inverse_norm;
  std::memcpy(&frequency, frequencies, sizeof(frequency));
  std::memcpy(&inverse_norm, inverse_norms, sizeof(inverse_norm));
  const Floats weights = {weight, weight, weight, weight};
  const Floats part =
      weights - weights / (1.0f + __builtin_convertvector(frequency, Floats) * inverse_norm);
  const Integers score = __builtin_convertvector(part, Integers);
  std::memcpy(scores, &score, sizeof(score));
}

}  // namespace

MaxScore::MaxScore(std::vector<ScoredTerm> terms, const Acceptor& acceptor,
                   const std::vector<uint32_t>& ranks, uint32_t documents, TopHits* hits)
    : acceptor_(acceptor), ranks_(ranks), documents_(documents), hits_(hits) {
  terms_.reserve(terms.size());
  for (const ScoredTerm& term : terms) {
    terms_.push_back({term.cursor, term.scoring, term.required});
    has_required_ |= term.required && terms.size() > 1;  // alone it is as good as wished for
  }
  for (Term& term : terms_) order_.push_back(&term);
  sums_.resize(terms_.size() + 1);
  if (terms_.size() > 1 && !has_required_) {
    scores_.resize(kWindow);
    found_.resize(kWindow / 64);
  }
}

// Where the first document from `from` on may be.
uint32_t MaxScore::NextWindow(uint32_t from) const {
  uint32_t next = kNoMoreDocuments;
  for (const Term& term : terms_) next = std::min(next, std::max(from, term.cursor.doc()));
  return next;
}

void MaxScore::Run() {
  if (has_required_) return RunRequired();
  if (terms_.size() == 1) return RunAlone();
  for (uint32_t begin = NextWindow(0); begin < documents_; begin = NextWindow(begin + kWindow)) {
    const uint32_t end = std::min(documents_, begin + kWindow);
    BoundWindow(begin, end);
    const size_t first = SplitTerms();
    if (first + 1 == terms_.size()) {
      Term* const only = order_[first];
      if (only->cursor.doc() < begin) only->cursor.Advance(begin);
      RunOne(only, end, first);
    } else if (first < terms_.size()) {
      RunWindow(begin, end, first);
    }
  }
}

void MaxScore::RunAlone() {
  BoundWindow(0, documents_);
  RaiseFloor(terms_[0]);
  RunOne(&terms_[0], documents_, 0);
}

// A common word has hundreds of blocks, and most hold nothing that comes near the best of all. What
// the blocks with the highest bounds hold says so before the others are looked at.
void MaxScore::RaiseFloor(const Term& term) {
  const size_t most = term.blocks.size() / kBlocksForOneAhead;
  if (most == 0 || !acceptor_.TakesAnyOrder()) return;
  std::vector<size_t> ahead(term.blocks.size());
  std::iota(ahead.begin(), ahead.end(), size_t{0});
  const auto end = ahead.begin() + static_cast<std::ptrdiff_t>(most);
  std::nth_element(ahead.begin(), end, ahead.end(),
                   [&](size_t a, size_t b) { return term.blocks[a].bound > term.blocks[b].bound; });
  std::sort(ahead.begin(), end);
  Term look = term;  // its cursor runs ahead
  TopHits best(hits_->k(), hits_->least(), false);
  for (auto at = ahead.begin(); at != end; ++at) {
    if (look.blocks[*at].bound < best.least()) continue;
    look.cursor.Advance(*at == 0 ? 0 : look.blocks[*at - 1].last + 1);
    const std::span<const uint32_t> docs = look.cursor.block_docs();
    ScoreBlock(&look, docs.size());
    for (size_t i = 0; i < docs.size(); ++i) {
      if (block_scores_[i] < best.least() || acceptor_.Excludes(docs[i])) continue;
      if (acceptor_.Accepts(docs[i])) best.Add(block_scores_[i], 0, docs[i]);
    }
  }
  hits_->Raise(best.least());
}

// Only documents of the rarest required term are looked at.
void MaxScore::RunRequired() {
  // Offer asks from the back: the rarer required ones first, then those that are wished for.
  std::stable_sort(order_.begin(), order_.end(), [](const Term* a, const Term* b) {
    if (a->required != b->required) return b->required;
    return a->cursor.document_frequency() > b->cursor.document_frequency();
  });
  Term* const lead = order_.back();
  const size_t others = order_.size() - 1;
  for (uint32_t begin = lead->cursor.doc(); begin < documents_; begin = lead->cursor.doc()) {
    const uint32_t end = std::min(documents_, begin + kRequiredWindow);
    BoundWindow(begin, end);
    bool all = true;
    for (size_t i = 0; i < order_.size(); ++i) {
      sums_[i + 1] = sums_[i] + order_[i]->bound;
      all &= !order_[i]->required || order_[i]->here;
    }
    if (all && sums_[order_.size()] >= hits_->least()) {
      RunOne(lead, end, others);
    } else {
      lead->cursor.Advance(end);
    }
  }
}

// The most that each term adds to a document of the window.
void MaxScore::BoundWindow(uint32_t begin, uint32_t end) {
  for (Term& term : terms_) {
    term.bound = 0;
    term.here = false;
    term.blocks.clear();
    for (uint32_t at = std::max(begin, term.cursor.doc()); at < end;) {
      uint32_t last = 0;
      const Score bound = term.block_bound.From(&term.cursor, term.scoring, at, &last);
      term.bound = std::max(term.bound, bound);
      term.blocks.push_back({last, bound});
      if (last == kNoMoreDocuments) break;
      term.here = true;
      at = last + 1;
    }
  }
}

// Puts the terms in order and says how many at its front cannot make a hit by themselves: a
// document that has only those need not be looked at.
size_t MaxScore::SplitTerms() {
  std::stable_sort(order_.begin(), order_.end(), [](const Term* a, const Term* b) {
    return a->bound != b->bound ? a->bound < b->bound : a->here < b->here;
  });
  size_t first = 0;
  for (size_t i = 0; i < order_.size(); ++i) {
    sums_[i + 1] = sums_[i] + order_[i]->bound;
    if (sums_[i + 1] < hits_->least()) first = i + 1;
  }
  // A term that the window does not have is looked at by nobody.
  while (first < order_.size() && !order_[first]->here) ++first;
  return first;
}

void MaxScore::ScoreBlock(Term* term, size_t count) {
  const uint32_t* const docs = term->cursor.block_docs().data();
  const uint32_t* const frequencies = term->cursor.block_frequencies().data();
  const float weight = term->scoring.weight;
  const float* const norms = term->scoring.norms;
  for (size_t i = 0; i < count; ++i) {
    block_norms_[i] = norms[docs[i]];
    block_frequencies_[i] = frequencies[i];
  }
  for (size_t i = 0; i < count; i += 4) {
    ScoreFour(weight, block_frequencies_ + i, block_norms_ + i, block_scores_ + i);
  }
}

// The window's documents of the one term that can make hits; `others` terms may add to them.
void MaxScore::RunOne(Term* term, uint32_t end, size_t others) {
  PostingsCursor& cursor = term->cursor;
  size_t block = 0;
  while (cursor.doc() < end) {
    while (term->blocks[block].last < cursor.doc()) ++block;
    const size_t here = block;
    while (block < term->blocks.size() &&
           term->blocks[block].bound + sums_[others] < hits_->least()) {
      ++block;
    }
    if (block != here) {  // those between are not even decoded
      cursor.Advance(
          block == term->blocks.size() ? end : std::min(term->blocks[block - 1].last + 1, end));
      continue;
    }
    const std::span<const uint32_t> docs = cursor.block_docs();
    const size_t count = static_cast<size_t>(
        docs.back() < end ? docs.end() - docs.begin()
                          : std::lower_bound(docs.begin(), docs.end(), end) - docs.begin());
    ScoreBlock(term, count);
    for (size_t i = 0; i < count; ++i) {
      if (block_scores_[i] + sums_[others] >= hits_->least()) {
        Offer(docs[i], block_scores_[i], others);
      }
    }
    if (count < docs.size()) {
      cursor.Advance(end);
    } else {
      cursor.NextBlock();
    }
  }
}

// Adds the term's scores to those of the window's documents.
void MaxScore::AddUp(Term* term, uint32_t begin, uint32_t end) {
  PostingsCursor& cursor = term->cursor;
  if (cursor.doc() < begin) cursor.Advance(begin);
  while (cursor.doc() < end) {
    const std::span<const uint32_t> docs = cursor.block_docs();
    const size_t count = static_cast<size_t>(
        docs.back() < end ? docs.end() - docs.begin()
                          : std::lower_bound(docs.begin(), docs.end(), end) - docs.begin());
    ScoreBlock(term, count);
    for (size_t i = 0; i < count; ++i) {
      const uint32_t at = docs[i] - begin;
      scores_[at] += block_scores_[i];
      found_[at / 64] |= uint64_t{1} << (at % 64);
    }
    if (count < docs.size()) {
      cursor.Advance(end);
    } else {
      cursor.NextBlock();
    }
  }
}

// The window's documents of the terms from order_[first] on.
void MaxScore::RunWindow(uint32_t begin, uint32_t end, size_t first) {
  for (size_t i = first; i < order_.size(); ++i) AddUp(order_[i], begin, end);
  for (size_t word = 0; word < found_.size(); ++word) {
    for (uint64_t bits = found_[word]; bits != 0; bits &= bits - 1) {
      const uint32_t at =
          static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(bits));
      const Score score = scores_[at];
      scores_[at] = 0;
      if (score + sums_[first] >= hits_->least()) Offer(begin + at, score, first);
    }
    found_[word] = 0;
  }
}

// A document whose score from the terms behind `others` is known.
void MaxScore::Offer(uint32_t doc, Score score, size_t others) {
  if (acceptor_.Excludes(doc)) return;
  for (size_t i = others; i-- > 0;) {
    if (score + sums_[i + 1] < hits_->least()) return;
    Term& term = *order_[i];
    if (term.cursor.doc() < doc) term.cursor.Advance(doc);
    if (term.cursor.doc() == doc) {
      score += term.scoring.Of(doc, term.cursor.frequency());
    } else if (term.required) {
      return;
    }
  }
  if (score >= hits_->least() && acceptor_.Accepts(doc)) {
    hits_->Add(score, RankOf(ranks_, doc), doc);
  }
}

}  // namespace quern::search
