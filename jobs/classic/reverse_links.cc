// The reverse web-link graph: for each page, the pages that link to it (MapReduce 2004, section
// 2.3).
//
// Input: JSON lines of documents with links, as `extract` writes them with params.links = true
// (format jsonl), whose source is the url or, without one, the id; or lines
// SOURCE<TAB>TARGET[<TAB>...] (format text). Fragments of targets are cut off with params.fragments
// = false; a target of which nothing is left is passed over. Output:
// TARGET<TAB>SOURCE<TAB>SOURCE..., the sources once each and in order; after 16 MiB of them the
// target begins another line. Backslash, tab and line feed in a name of a document are
// written \\ \t \n; names in lines stay as they are. Counters: links, targets.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/classic/columns.h"
#include "jobs/classic/link_list.h"
#include "jobs/params.h"
#include "jobs/text/escape_name.h"
#include "jobs/text/json.h"
#include "mapreduce/api/mapreduce.h"

namespace {

// Of the sources of one line: a page that all others link to has more than a task can hold.
constexpr size_t kMaxLineBytes = size_t{16} << 20;

class LinkMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    json_ = context.input_format() == "jsonl";
    cut_fragments_ = !FlagParam(context, "fragments", "true");
    links_ = context.counter("links");
  }
  void Map(const quern::MapInput& in) override {
    if (json_) return MapDocument(in.value());
    const std::string_view source = *quern::classic::Column(in.value(), 1);
    const auto target = quern::classic::Column(in.value(), 2);
    if (source.empty()) context().SkipRecord("no source");
    if (!target || target->empty()) context().SkipRecord("no target");
    EmitLink(source, *target);
  }

 private:
  void MapDocument(std::string_view line) {
    const auto fields = quern::text::ReadJsonObject(line);
    if (!fields) context().SkipRecord("no JSON object");
    std::string source = quern::text::StringField(*fields, "url");
    if (source.empty()) source = quern::text::NameField(*fields, "id");
    const quern::text::JsonField* links = quern::text::FindField(*fields, "links");
    if (source.empty()) context().SkipRecord("no url or id");
    if (links == nullptr) context().SkipRecord("no links: extract with params.links=true");
    const auto targets = quern::classic::ReadLinkTargets(links->value);
    if (!targets) context().SkipRecord("links are no list of links");
    source = quern::text::EscapeName(source);
    for (const std::string& target : *targets) EmitLink(source, quern::text::EscapeName(target));
  }
  void EmitLink(std::string_view source, std::string_view target) {
    if (cut_fragments_) target = target.substr(0, target.find('#'));
    if (target.empty()) return;
    links_->Increment();
    Emit(quern::Ordered(target, source), "");
  }

  bool json_ = false;
  bool cut_fragments_ = false;
  quern::Counter* links_ = nullptr;
};
QUERN_REGISTER_MAPPER(LinkMapper);

// With [reduce] group = 1: one call for each target, its sources in order.
class LinkReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override { targets_ = context.counter("targets"); }
  void Reduce(quern::ReduceInput* in) override {
    const std::string target = quern::Decode<std::string>(in->key());
    sources_.clear();
    std::string last;
    bool first = true;   // of the target
    bool begins = true;  // a line
    for (const auto& [key, value] : in->records()) {
      std::string source = std::get<1>(quern::Decode<std::string, std::string>(key));
      if (!first && source == last) continue;
      if (!begins && sources_.size() >= kMaxLineBytes) {
        Emit(target, sources_);
        sources_.clear();
        begins = true;
      }
      if (!begins) sources_ += '\t';
      sources_ += source;
      last = std::move(source);
      first = begins = false;
    }
    targets_->Increment();
    Emit(target, sources_);
  }

 private:
  std::string sources_;
  quern::Counter* targets_ = nullptr;
};
QUERN_REGISTER_REDUCER(LinkReducer);

}  // namespace
