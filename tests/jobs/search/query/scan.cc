#include "tests/jobs/search/query/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "jobs/search/query/query_parser.h"
#include "jobs/search/query/scoring.h"

namespace quern::search {
namespace {

struct Word {
  std::string term;
  uint32_t position;
};
using Words = std::vector<Word>;

// One document's words, field by field.
struct Scanned {
  const IndexedDocument* document;
  std::vector<Words> fields;
  bool deleted = false;
};

// What a query node gives a document: nothing when it does not match.
using Given = std::optional<int64_t>;
using Rule = std::function<Given(const Scanned&)>;

struct Made {
  Rule rule;
  double weight = 0;   // the most that it gives
  bool never = false;  // no document of this collection can match
};
Made Never() {
  return {[](const Scanned&) { return Given(); }, 0, true};
}

size_t Edits(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

class Scanner {
 public:
  Scanner(const std::vector<IndexedDocument>& documents, const std::vector<std::string>& deleted,
          const AnalysisSettings& analysis)
      : analyzer_(analysis) {
    for (const IndexedDocument& document : documents) {
      Scanned& one = documents_.emplace_back();
      one.document = &document;
      one.fields = {WordsOf(document.title), WordsOf(document.text)};
      one.deleted = std::find(deleted.begin(), deleted.end(), document.id) != deleted.end();
      for (size_t field = 0; field < kFields.size(); ++field) {
        std::set<std::string> terms;
        for (const Word& word : one.fields[field]) terms.insert(word.term);
        for (const std::string& term : terms) ++documents_with_[field][term];
        total_length_[field] += one.fields[field].size();
      }
    }
  }

  std::vector<ScannedHit> Run(std::string_view query, size_t k) {
    const auto node = ParseQuery(query, {.fields = kFields});
    EXPECT_TRUE(node.ok()) << node.status();
    if (!node.ok() || SaysNothing(*node)) return {};
    // Weights first, since they make the grid; then the same again with it.
    scale_ = ScoreScale(Make(*node, 1, false).weight);
    const Rule rule = Make(*node, 1, false).rule;
    std::vector<ScannedHit> hits;
    for (const Scanned& document : documents_) {
      if (document.deleted) continue;
      const Given given = rule(document);
      if (given.has_value()) {
        hits.push_back({document.document->id, scale_.FromGrid(static_cast<Score>(*given))});
      }
    }
    std::sort(hits.begin(), hits.end(), [](const ScannedHit& a, const ScannedHit& b) {
      return a.score != b.score ? a.score > b.score : a.id < b.id;
    });
    if (hits.size() > k) hits.resize(k);
    return hits;
  }

 private:
  inline static const std::vector<std::string> kFields = {"title", "body"};

  Words WordsOf(std::string_view text) {
    Words words;
    for (const Token& token : analyzer_.Analyze(text)) {
      words.push_back({std::string(token.term), token.position});
    }
    return words;
  }

  bool SaysNothing(const QueryNode& node) {
    if (node.kind == QueryKind::kNothing) return true;
    if (node.kind == QueryKind::kWord || node.kind == QueryKind::kPhrase) {
      return WordsOf(node.text).empty();
    }
    if (node.kind == QueryKind::kPrefix || node.kind == QueryKind::kFuzzy) {
      return analyzer_.Fold(node.text).empty();
    }
    return node.kind == QueryKind::kList &&
           std::all_of(node.clauses.begin(), node.clauses.end(),
                       [&](const QueryNode& one) { return SaysNothing(one); });
  }

  double AverageLength(size_t field) const {
    return static_cast<double>(total_length_[field]) / static_cast<double>(documents_.size());
  }

  uint64_t DocumentsWith(const std::string& term, size_t field) const {
    const auto found = documents_with_[field].find(term);
    return found == documents_with_[field].end() ? 0 : found->second;
  }

  static uint32_t Count(const Words& words, const std::string& term) {
    return static_cast<uint32_t>(std::count_if(
        words.begin(), words.end(), [&](const Word& word) { return word.term == term; }));
  }

  Given Bm25(float weight, uint32_t frequency, const Words& words, double average) const {
    if (frequency == 0) return std::nullopt;
    return ScorePart(weight, frequency, InverseNorm(static_cast<uint32_t>(words.size()), average));
  }

  Made TermRule(const std::string& term, size_t field, double weight) {
    if (DocumentsWith(term, field) == 0) return Never();
    const float grid = scale_.ToGrid(weight);
    const double average = AverageLength(field);
    return {[=, this](const Scanned& one) {
              return Bm25(grid, Count(one.fields[field], term), one.fields[field], average);
            },
            weight};
  }

  double Idf(const std::string& term, size_t field) const {
    return InverseDocumentFrequency(documents_.size(), DocumentsWith(term, field));
  }

  // Tries every way to put the words of the phrase on words of the text.
  static bool Fits(const Words& phrase, const Words& words, size_t at, int64_t start, uint32_t slop,
                   std::vector<uint32_t>* taken) {
    if (at == phrase.size()) return true;
    for (const Word& word : words) {
      const int64_t shift = int64_t{word.position} - phrase[at].position - start;
      if (word.term != phrase[at].term || shift < 0 || shift > slop) continue;
      if (std::find(taken->begin(), taken->end(), word.position) != taken->end()) continue;
      taken->push_back(word.position);
      if (Fits(phrase, words, at + 1, start, slop, taken)) return true;
      taken->pop_back();
    }
    return false;
  }

  static uint32_t CountPhraseIn(const Words& phrase, const Words& words, uint32_t slop) {
    std::map<int64_t, bool> starts;
    uint32_t least = UINT32_MAX;
    for (const Word& part : phrase) {
      least = std::min(least, Count(words, part.term));
      for (const Word& word : words) {
        if (word.term == part.term) starts[int64_t{word.position} - part.position] = true;
      }
    }
    uint32_t count = 0;
    for (const auto& [start, unused] : starts) {
      std::vector<uint32_t> taken;
      count += Fits(phrase, words, 0, start, slop, &taken);
    }
    return std::min(count, least);
  }

  Made PhraseRule(Words phrase, size_t field, uint32_t slop, double boost) {
    for (size_t i = phrase.size(); i-- > 0;) phrase[i].position -= phrase[0].position;
    double weight = 0;
    for (const Word& word : phrase) {
      if (DocumentsWith(word.term, field) == 0) return Never();
      weight += boost * Idf(word.term, field);
    }
    if (phrase.size() == 1) return TermRule(phrase[0].term, field, weight);
    const float grid = scale_.ToGrid(weight);
    const double average = AverageLength(field);
    return {[=, this](const Scanned& one) {
              const Words& words = one.fields[field];
              return Bm25(grid, CountPhraseIn(phrase, words, slop), words, average);
            },
            weight};
  }

  Made PrefixRule(const std::string& prefix, size_t field, double boost) {
    const float grid = scale_.ToGrid(boost);
    return {[=](const Scanned& one) -> Given {
              for (const Word& word : one.fields[field]) {
                if (word.term.starts_with(prefix)) return static_cast<Score>(grid);
              }
              return std::nullopt;
            },
            boost};
  }

  Made FuzzyRule(const std::string& word, uint32_t max, size_t field, double boost) {
    std::map<std::string, size_t> near;
    uint64_t most = 0;
    for (const auto& [term, documents] : documents_with_[field]) {
      const size_t edits = Edits(word, term);
      if (edits > max) continue;
      near[term] = edits;
      most = std::max(most, documents);
    }
    std::vector<Made> terms;
    for (const auto& [term, edits] : near) {
      const double likeness =
          1.0 - static_cast<double>(edits) / static_cast<double>(std::max(word.size(), edits + 1));
      const double idf = InverseDocumentFrequency(documents_.size(), most);
      terms.push_back(TermRule(term, field, boost * idf * likeness));
    }
    return AnyRule(std::move(terms));
  }

  static Made AnyRule(std::vector<Made> any) {
    double weight = 0;
    bool never = true;
    for (const Made& one : any) {
      weight += one.weight;
      never &= one.never;
    }
    return {[any = std::move(any)](const Scanned& document) {
              Given sum;
              for (const Made& one : any) {
                if (const Given given = one.rule(document)) sum = sum.value_or(0) + *given;
              }
              return sum;
            },
            weight, never};
  }

  static Made AllRule(std::vector<Made> all) {
    double weight = 0;
    for (const Made& one : all) {
      if (one.never) return Never();
      weight += one.weight;
    }
    return {[all = std::move(all)](const Scanned& document) -> Given {
              int64_t sum = 0;
              for (const Made& one : all) {
                const Given given = one.rule(document);
                if (!given) return std::nullopt;
                sum += *given;
              }
              return sum;
            },
            weight};
  }

  // Each part of a divided word counts, but what is excluded is the whole.
  Made Leaf(const QueryNode& node, double boost, bool excluded) {
    const bool is_text = node.kind == QueryKind::kWord || node.kind == QueryKind::kPhrase;
    const Words words = is_text ? WordsOf(node.text) : Words();
    if (node.kind != QueryKind::kWord || words.size() == 1 || excluded) {
      return InFields(node, words, boost);
    }
    std::vector<Made> parts;
    for (const Word& word : words) parts.push_back(InFields(node, {word}, boost));
    const bool all = node.occur == Occur::kMust || node.all_parts;
    return all ? AllRule(std::move(parts)) : AnyRule(std::move(parts));
  }

  Made InFields(const QueryNode& node, const Words& words, double boost) {
    const bool is_text = node.kind == QueryKind::kWord || node.kind == QueryKind::kPhrase;
    std::vector<Made> fields;
    for (size_t field = 0; field < kFields.size(); ++field) {
      if (!node.field.empty() && node.field != kFields[field]) continue;
      if (is_text) {
        fields.push_back(PhraseRule(words, field, node.distance, boost));
      } else if (node.kind == QueryKind::kPrefix) {
        fields.push_back(PrefixRule(analyzer_.Fold(node.text), field, boost));
      } else {
        fields.push_back(FuzzyRule(analyzer_.Fold(node.text), node.distance, field, boost));
      }
    }
    return AnyRule(std::move(fields));
  }

  Made List(const QueryNode& node, double boost, bool excluded) {
    struct Part {
      Occur occur;
      Made made;
    };
    std::vector<Part> parts;
    double weight = 0;
    bool has_must = false;
    bool has_should = false;
    bool can_wish = false;
    for (const QueryNode& clause : node.clauses) {
      if (SaysNothing(clause)) continue;
      const Occur occur = clause.occur;
      Made made = Make(clause, boost, excluded);
      has_must |= occur == Occur::kMust && !IsFilter(clause);
      has_should |= occur == Occur::kShould;
      can_wish |= occur == Occur::kShould && !made.never;
      if (occur == Occur::kMust && made.never) return Never();
      if (occur != Occur::kMustNot) weight += made.weight;
      parts.push_back({occur, std::move(made)});
    }
    const bool needs_a_wish = has_should && !has_must;
    if (needs_a_wish && !can_wish) return Never();
    return {[=](const Scanned& one) -> Given {
              int64_t sum = 0;
              bool wish = false;
              for (const Part& part : parts) {
                const Given given = part.made.rule(one);
                if (part.occur == Occur::kMust && !given) return std::nullopt;
                if (part.occur == Occur::kMustNot && given) return std::nullopt;
                if (part.occur == Occur::kMustNot || !given) continue;
                wish |= part.occur == Occur::kShould;
                sum += *given;
              }
              if (needs_a_wish && !wish) return std::nullopt;
              return sum;
            },
            weight};
  }

  // `excluded`: something that it is a part of is.
  Made Make(const QueryNode& node, double boost, bool excluded) {
    boost *= node.boost;
    excluded |= node.occur == Occur::kMustNot;
    switch (node.kind) {
      case QueryKind::kNothing:
        return Never();
      case QueryKind::kAll:
        return {[](const Scanned&) { return Given(0); }};
      case QueryKind::kLanguage:
        return {[text = node.text](const Scanned& one) {
          return one.document->language == text ? Given(0) : Given();
        }};
      case QueryKind::kDate:
        return {[first = node.first_date, last = node.last_date](const Scanned& one) {
          const std::string& date = one.document->date;
          const bool in = !date.empty() && date.substr(0, first.size()) >= first &&
                          (last.empty() || date.substr(0, last.size()) <= last);
          return in ? Given(0) : Given();
        }};
      case QueryKind::kList:
        return List(node, boost, excluded);
      default:
        return Leaf(node, boost, excluded);
    }
  }

  Analyzer analyzer_;
  std::vector<Scanned> documents_;
  std::map<std::string, uint64_t> documents_with_[2];  // of each field
  uint64_t total_length_[2] = {};
  ScoreScale scale_;
};

}  // namespace

std::vector<ScannedHit> Scan(const std::vector<IndexedDocument>& documents,
                             const std::vector<std::string>& deleted, std::string_view query,
                             size_t k, const AnalysisSettings& analysis) {
  return Scanner(documents, deleted, analysis).Run(query, k);
}

}  // namespace quern::search
