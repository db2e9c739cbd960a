#include "jobs/corpus/document.h"

#include <gtest/gtest.h>

#include <string>

#include "jobs/text/json.h"

namespace quern::mr {
namespace {

TEST(Rejected, StandsBehindWhatTheDocumentHas) {
  const std::string line = R"({"n":1.50,"text":"x\"","id":7})";
  corpus::Document document{"7", "x\"", text::ReadJsonObject(line).value()};
  EXPECT_EQ(corpus::RejectedLine(document, corpus::RejectedBy("some \"rule\"")),
            R"({"n": 1.50, "text": "x\"", "id": 7, "rejected": {"rule": "some \"rule\""}})");
  EXPECT_EQ(corpus::RejectedCopy(document, "r", "a"),
            R"({"n": 1.50, "text": "x\"", "id": 7, "rejected": {"rule": "r", "of": "a"}})");
  // One that was no line of JSON.
  document.fields.clear();
  text::JsonObjectWriter why = corpus::RejectedBy("r");
  why.AddRaw("value", "12");
  EXPECT_EQ(corpus::RejectedLine(document, why),
            R"({"id": "7", "text": "x\"", "rejected": {"rule": "r", "value": 12}})");
  text::JsonObjectWriter made;
  made.AddString("id", "a");
  corpus::AddRejected(why, &made);
  EXPECT_EQ(made.Take(), R"({"id": "a", "rejected": {"rule": "r", "value": 12}})");
}

// A line with two fields of one name is read in two ways.
TEST(Rejected, ReplacesTheFieldThatADocumentHas) {
  const std::string line = R"({"rejected":"by hand","id":"a","text":"x","rejected":{"rule":"q"}})";
  const corpus::Document document{"a", "x", text::ReadJsonObject(line).value()};
  EXPECT_EQ(corpus::RejectedCopy(document, "r", "b"),
            R"({"id": "a", "text": "x", "rejected": {"rule": "r", "of": "b"}})");
  text::JsonObjectWriter kept;
  corpus::AddFields(document, &kept);
  EXPECT_EQ(kept.Take(),
            R"({"rejected": "by hand", "id": "a", "text": "x", "rejected": {"rule":"q"}})");
}

}  // namespace
}  // namespace quern::mr
