// An index of web crawls: what was fetched, when, how it went, and where it lies.
//
// Input: WARC files. Output: one line for each record that has a target, sorted by target and, for
// one target, in the order of the input:
//   URI<TAB>date<TAB>type<TAB>status<TAB>content type<TAB>payload bytes<TAB>offset<TAB>path
// What a record does not say is "-". Counters: records of each type, responses of each status.
#include <map>
#include <string>

#include "mapreduce/api/mapreduce.h"

namespace {

// One field of a line: without bytes that would end it.
void AppendField(std::string_view text, std::string* line) {
  if (!line->empty()) *line += '\t';
  if (text.empty()) *line += '-';
  for (const char c : text) *line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
}

// "text/html; charset=utf-8" is text/html.
std::string_view MediaType(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type.substr(0, type.find_last_not_of(" \t") + 1);
}

class WarcIndexMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "warc") context.Fail("warc-index reads the format warc");
    context_ = &context;
  }

  void Map(const quern::MapInput& in) override {
    const auto source = in.source();
    const std::string_view type = source.header("WARC-Type");
    const std::string_view status = source.header("HTTP-Status");
    Count("records_", type);
    if (type == "response") Count("status_", status);
    if (in.key().empty()) return;
    const std::string_view content = source.header("HTTP-Content-Type");
    line_.clear();
    AppendField(source.header("WARC-Date"), &line_);
    AppendField(type, &line_);
    AppendField(status, &line_);
    AppendField(MediaType(content.empty() ? source.header("Content-Type") : content), &line_);
    AppendField(std::to_string(in.value().size()), &line_);
    AppendField(std::to_string(source.offset), &line_);
    AppendField(source.path, &line_);
    key_.clear();
    AppendField(in.key(), &key_);
    Emit(key_, line_);
  }

 private:
  // Types and statuses are few, but whoever wrote the file may say anything.
  static constexpr size_t kMaxCounters = 100;
  static constexpr size_t kMaxNameBytes = 30;

  void Count(std::string_view prefix, std::string_view what) {
    std::string name(prefix);
    AppendField(what.substr(0, kMaxNameBytes), &name);
    name.erase(prefix.size(), 1);  // the TAB
    const auto known = counters_.find(name);
    if (known != counters_.end()) return known->second->Increment();
    const std::string counted = counters_.size() < kMaxCounters ? name : "other";
    quern::Counter* const counter = context_->counter(counted);
    if (counters_.size() < kMaxCounters) counters_.emplace(name, counter);
    counter->Increment();
  }

  quern::TaskContext* context_ = nullptr;
  std::map<std::string, quern::Counter*> counters_;
  std::string key_;
  std::string line_;
};
QUERN_REGISTER_MAPPER(WarcIndexMapper);

class WarcIndexReducer : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    for (const std::string_view value : in->values()) Emit(value);
  }
};
QUERN_REGISTER_REDUCER(WarcIndexReducer);

}  // namespace
