// Random documents and queries of few words, so that they meet.
#pragma once

#include <iterator>
#include <string>
#include <vector>

#include "jobs/search/segment/indexed_document.h"
#include "tests/support/random_test.h"

namespace quern::search {

class RandomDocumentsTest : public RandomTest {
 protected:
  // Few words, some frequent and some rare, so that they meet.
  std::string Word() {
    // No more than a fuzzy word may stand for.
    const uint64_t most = 1 + Below(45);
    return "w" + std::to_string(Below(1 + Below(most)));
  }
  std::string Text(uint64_t most) {
    std::string text;
    for (uint64_t n = Below(most); n > 0; --n) text += Word() + (OneIn(9) ? ". " : " ");
    return text;
  }
  std::string Two(uint64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); }
  std::string Date() {
    return std::to_string(2020 + Below(4)) + "-" + Two(1 + Below(12)) + "-" + Two(1 + Below(28));
  }

  void MakeDocuments(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      IndexedDocument document;
      document.id = "d" + std::to_string(random_() % 1'000'000'000) + "-" + std::to_string(i);
      if (OneIn(2)) document.url = "http://h/" + std::to_string(Below(1'000'000));
      if (OneIn(2)) document.title = Text(6);
      // Some are equal, so that scores are.
      document.text = OneIn(5) && i > 0 ? documents_.back().text : Text(OneIn(8) ? 200 : 30);
      if (!OneIn(4)) document.language = OneIn(2) ? "en" : "de";
      if (!OneIn(4)) document.date = Date();
      if (OneIn(12)) deleted_.push_back(document.id);
      documents_.push_back(std::move(document));
    }
  }

  std::string Leaf() {
    std::string leaf = OneIn(6) ? (OneIn(2) ? "title:" : "body:") : "";
    switch (Below(10)) {
      case 0:
        leaf += "\"" + Word() + " " + Word() + (OneIn(2) ? " " + Word() : "") + "\"";
        break;
      case 1:
        leaf += "\"" + Word() + " " + Word() + (OneIn(2) ? " " + Word() : "") + "\"~" +
                std::to_string(1 + Below(4));
        break;
      case 2:
        leaf += "w" + std::to_string(Below(6)) + "*";
        break;
      case 3:
        leaf += Word() + "~" + std::to_string(1 + Below(2));
        break;
      case 4:  // analysis divides it
        leaf += Word() + "-" + Word();
        break;
      default:
        leaf += Word();
    }
    if (OneIn(5)) leaf += "^" + std::to_string(1 + Below(4)) + ".5";
    return leaf;
  }
  std::string Filter() {
    switch (Below(4)) {
      case 0:
        return OneIn(2) ? "lang:en" : "lang:de";
      case 1:
        return "date:202" + std::to_string(Below(4));
      case 2:
        return "date:" + Date().substr(0, 7) + ".." + (OneIn(2) ? "2023-05-10" : "");
      default:
        return "*";
    }
  }
  std::string Query(int depth) {
    std::string query;
    for (uint64_t n = 1 + Below(4); n > 0; --n) {
      const uint64_t kind = Below(12);
      std::string part = kind == 0 ? Filter() : kind == 1 && depth > 0 ? "" : Leaf();
      if (part.empty()) part = "(" + Query(depth - 1) + ")";
      const char* const signs[] = {"", "", "", "+", "-"};
      query += signs[Below(std::size(signs))] + part;
      if (n > 1) query += OneIn(5) ? " AND " : OneIn(5) ? " OR " : " ";
    }
    return query;
  }

  std::vector<IndexedDocument> documents_;
  std::vector<std::string> deleted_;
};

}  // namespace quern::search
