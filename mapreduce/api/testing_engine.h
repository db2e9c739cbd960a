// What RunJob (testing_job.h) is made of: a job over records in memory, through the same C
// functions of the user's classes that a real task calls.
//
// Copies of what user code may look at are overwritten and freed as soon as it has to let go of
// them: who keeps a view for longer gets a wrong answer here, and an error of the address
// sanitizer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/ordered.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/api/testing_types.h"

namespace quern::testing::engine {

// As in a real task.
inline constexpr size_t kMaxCounters = 1'000;
inline constexpr size_t kMaxCounterNameBytes = 200;
inline constexpr size_t kMaxStatusBytes = 200;
inline constexpr size_t kMaxReasons = 50;
inline constexpr size_t kMaxReasonBytes = 100;
inline constexpr size_t kMaxBadRecords = 100;

// Ends an attempt, and with it the job.
struct AttemptFailed {
  std::string reason;
  bool blames_record = false;  // user code failed in a record, which may be stepped over
};

inline std::string Clean(std::string_view text, size_t bytes) {
  std::string clean(text.substr(0, bytes));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return clean;
}

// A copy that is spoiled when its time is over.
class Lent {
 public:
  explicit Lent(std::string_view bytes) : size_(bytes.size()), bytes_(new char[size_ + 1]) {
    if (size_ > 0) std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  ~Lent() { std::fill_n(bytes_.get(), size_, '\x7f'); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  quern_bytes bytes() const { return {bytes_.get(), size_}; }

 private:
  const size_t size_;
  const std::unique_ptr<char[]> bytes_;
};

// Where records go. It never opens a window, so every one comes to `take`; what that throws is
// kept, since it must not go through user code.
class Sink : public quern_output {
 public:
  using Take = std::function<void(std::string_view, std::string_view)>;
  explicit Sink(Take take)
      : quern_output{sizeof(quern_output), 0, nullptr, nullptr, Slow}, take_(std::move(take)) {}
  const std::string& refused() const { return refused_; }

 private:
  static int Slow(quern_output* output, const char* key, size_t key_size, const char* value,
                  size_t value_size) {
    Sink* const self = static_cast<Sink*>(output);
    try {
      self->take_({key, key_size}, {value, value_size});
      return QUERN_OK;
    } catch (const AttemptFailed& failed) {
      if (self->refused_.empty()) self->refused_ = failed.reason;
      return QUERN_FAILED;
    }
  }
  const Take take_;
  std::string refused_;
};

// What one attempt of a task leaves behind.
struct AttemptResult {
  Records records;
  std::map<std::string, Records> outputs;
  std::map<std::string, int64_t> counters;
  std::map<std::string, int64_t> engine;
  std::vector<Skipped> skipped;
  std::string status;
};

// What the objects of user code in one attempt share.
class Attempt {
 public:
  Attempt(const JobOptions* options, uint32_t index, const JobInput* input)
      : options_(*options), index_(index), input_(input) {
    for (const std::string& name : options_.outputs) {
      Records* const kept = &result_.outputs[name];
      named_.emplace(name, std::make_unique<Sink>([kept](std::string_view k, std::string_view v) {
                       kept->emplace_back(k, v);
                     }));
    }
  }

  const JobOptions& options() const { return options_; }
  uint32_t index() const { return index_; }
  const JobInput* input() const { return input_; }
  AttemptResult& result() { return result_; }
  // Why something that user code asked for was not given.
  const std::string& refused() const { return refused_; }

  quern_counter* FindCounter(std::string name) {
    if (name.size() > kMaxCounterNameBytes) {
      return Refuse("the name of a counter has " + std::to_string(name.size()) +
                        " bytes, the limit is 200: " + Clean(name, 100),
                    nullptr);
    }
    if (!counters_.contains(name) && counters_.size() >= kMaxCounters) {
      return Refuse(
          "counter " + name + ": a task may have 1000 counters. Try: emit counts as records",
          nullptr);
    }
    return &counters_[std::move(name)];
  }
  quern_output* FindOutput(uint32_t kind, const std::string& name) {
    if (kind != QUERN_MAPPER && kind != QUERN_REDUCER && kind != QUERN_FOLD) {
      return Refuse("output '" + name + "': only mappers and reducers have named outputs", nullptr);
    }
    const auto found = named_.find(name);
    if (found != named_.end()) return found->second.get();
    return Refuse("output '" + name + "': the job has none of that name. Try: JobOptions::outputs",
                  nullptr);
  }
  void CountSkipped(std::string_view what, std::string_view reason) {
    std::string name = reason.empty() ? "no reason" : Clean(reason, kMaxReasonBytes);
    if (!reasons_.contains(name) && reasons_.size() >= kMaxReasons) name = "other reasons";
    ++reasons_[name];
    ++result_.engine[std::string(what)];
    ++result_.engine[std::string(what) + ": " + name];
  }
  AttemptResult Finish() {
    for (const auto& [name, counter] : counters_) result_.counters[name] = counter.value;
    for (const auto& [name, records] : result_.outputs) {
      result_.engine["named_output_records: " + name] = static_cast<int64_t>(records.size());
    }
    return std::move(result_);
  }

 private:
  template <typename T>
  T Refuse(std::string reason, T nothing) {
    if (refused_.empty()) refused_ = std::move(reason);
    return nothing;
  }

  const JobOptions& options_;
  const uint32_t index_;
  const JobInput* const input_;
  std::map<std::string, quern_counter> counters_;
  std::map<std::string, std::unique_ptr<Sink>> named_;
  std::map<std::string, int64_t> reasons_;
  std::string refused_;
  AttemptResult result_;
};

// An object of a user's class.
class Object : public quern_task {
 public:
  // `who` begins what is said of its failures. Borrows all; `sink` may be null.
  Object(const quern_class& of, std::string who, Attempt* attempt_of, Sink* sink)
      : quern_task(), class_(of), who_(std::move(who)), attempt_(attempt_of), sink_(sink) {
    size = sizeof(quern_task);
    kind = of.kind;
    host = &kHost;
    output = sink;
    job_id = {"job-test", 8};
    index = attempt_->index();
    reduce_tasks = attempt_->options().reduce_tasks;
    if (attempt_->input() != nullptr) Describe(*attempt_->input());
    if (class_.create != nullptr) {
      Check(class_.create(this, &self_), std::string(of.name) + "'s constructor");
    }
    created_ = true;
  }
  ~Object() {
    if (created_ && class_.destroy != nullptr) class_.destroy(self_);
  }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void Start() {
    if (class_.start != nullptr) Check(class_.start(self_, this), "Start");
  }
  void Finish() {
    if (class_.finish != nullptr) Check(class_.finish(self_, this), "Finish");
  }
  // False: user code has set the record aside, for TakeReason.
  bool Map(const quern_record& record) { return Done(class_.map(self_, this, &record), "Map"); }
  bool Reduce(quern_group* group) { return Done(class_.reduce(self_, this, group), "Reduce"); }
  void Combine(quern_group* group) { Check(class_.reduce(self_, this, group), "Combine"); }
  uint32_t Partition(std::string_view key, uint32_t partitions) {
    const uint32_t partition = class_.partition(self_, this, key.data(), key.size(), partitions);
    if (reported_ != QUERN_OK) Check(QUERN_FAILED, "Partition");
    if (partition < partitions) return partition;
    throw AttemptFailed{"the partitioner returned " + std::to_string(partition) + " of " +
                        std::to_string(partitions) + " partitions"};
  }
  const quern_fold* fold() const { return class_.fold; }
  void FoldAdd(void* state, std::string_view value) {
    Check(class_.fold->add(self_, this, state, value.data(), value.size(), 1), "the fold's Add");
  }
  void FoldMerge(void* state, const void* other) {
    Check(class_.fold->merge(self_, this, state, other), "the fold's Merge");
  }
  bool FoldPut(const void* state, quern_bytes key) {
    return Done(class_.fold->put(self_, this, state, key), "the fold's Put");
  }
  std::string TakeReason() {
    reported_ = QUERN_OK;
    return std::exchange(reason_, "");
  }

 private:
  bool Done(int result, std::string_view what) {
    if (result == QUERN_SKIPPED && reported_ != QUERN_FAILED && reported_ != QUERN_JOB_FAILED) {
      return false;
    }
    Check(result, what);
    return true;
  }
  void Check(int result, std::string_view what) const {
    if (sink_ != nullptr && !sink_->refused().empty()) throw AttemptFailed{sink_->refused()};
    if (!attempt_->refused().empty()) throw AttemptFailed{attempt_->refused()};
    // Reported, and then swallowed by user code.
    if (result == QUERN_OK && reported_ != QUERN_FAILED && reported_ != QUERN_JOB_FAILED) return;
    if (result == QUERN_JOB_FAILED || reported_ == QUERN_JOB_FAILED) throw AttemptFailed{reason_};
    const std::string call = who_ + (who_.empty() ? "" : " ") + std::string(what);
    if (result == QUERN_SKIPPED) throw AttemptFailed{call + ": there is no record to skip"};
    throw AttemptFailed{
        call + " failed" + (reason_.empty() ? " and gave no reason" : ": " + reason_), true};
  }

  void Describe(const JobInput& input) {
    input_format = {input.format.data(), input.format.size()};
    input_tag = {input.tag.data(), input.tag.size()};
    piece_ = {{"test", 4}, 0, input.records.size()};
    pieces = &piece_;
    piece_count = 1;
  }

  static Object* Of(quern_task* task) { return static_cast<Object*>(task); }
  static quern_bytes Find(const std::map<std::string, std::string>& in, const char* name,
                          size_t size) {
    const auto found = in.find(std::string(name, size));
    if (found == in.end()) return {nullptr, 0};
    return {found->second.data(), found->second.size()};
  }
  static quern_bytes Param(quern_task* task, const char* name, size_t size) {
    return Find(Of(task)->attempt_->options().params, name, size);
  }
  static quern_counter* Counter(quern_task* task, const char* name, size_t size) {
    return Of(task)->attempt_->FindCounter({name, size});
  }
  static void SetStatus(quern_task* task, const char* text, size_t size) {
    Of(task)->attempt_->result().status = Clean({text, size}, kMaxStatusBytes);
  }
  static int Report(quern_task* task, int result, const char* reason, size_t size) {
    Object* const self = Of(task);
    // A failure stands, whatever user code does afterwards.
    if (self->reported_ == QUERN_FAILED || self->reported_ == QUERN_JOB_FAILED) return result;
    self->reported_ = result;
    self->reason_.assign(reason, size);
    return result;
  }
  static quern_bytes Header(quern_task*, const char*, size_t) { return {nullptr, 0}; }
  static quern_bytes File(quern_task* task, const char* name, size_t size) {
    return Find(Of(task)->attempt_->options().files, name, size);
  }
  static quern_output* Output(quern_task* task, const char* name, size_t size) {
    return Of(task)->attempt_->FindOutput(task->kind, {name, size});
  }
  static constexpr quern_host kHost = {sizeof(quern_host),
                                       QUERN_API_VERSION,
                                       Param,
                                       Counter,
                                       SetStatus,
                                       Report,
                                       Header,
                                       File,
                                       Output};

  const quern_class& class_;
  const std::string who_;
  Attempt* const attempt_;
  Sink* const sink_;
  quern_piece piece_ = {};
  void* self_ = nullptr;
  bool created_ = false;
  int reported_ = QUERN_OK;
  std::string reason_;
};

// Records whose keys make one group, sorted.
class Group : public quern_group {
 public:
  using Span = std::pair<const Record*, const Record*>;
  Group(std::string_view of, Span records) : quern_group(), records_(records), key_(of) {
    size = sizeof(quern_group);
    key = key_.bytes();
    next_run = Next;
    Next(this);
  }

 private:
  static void Next(quern_group* group) {
    Group* const self = static_cast<Group*>(group);
    self->repeats = self->records_.first == self->records_.second ? 0 : 1;
    if (self->repeats == 0) return;
    const Record& next = *self->records_.first++;
    self->value_ = std::make_unique<Lent>(next.second);
    self->record_key_ = std::make_unique<Lent>(next.first);
    self->value = self->value_->bytes();
    self->record_key = self->record_key_->bytes();
  }

  Span records_;
  const Lent key_;
  std::unique_ptr<Lent> value_;
  std::unique_ptr<Lent> record_key_;
};

// The state of a fold.
class State {
 public:
  explicit State(const quern_fold& fold) : size_(fold.state_bytes), words_((size_ + 7) / 8) {
    fold.init(get());
  }
  void* get() { return words_.data(); }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(words_.data()), size_}; }
  void Merge(Object* fold, Group::Span states) {
    std::vector<uint64_t> other(words_.size());
    for (const Record* each = states.first; each != states.second; ++each) {
      std::memcpy(other.data(), each->second.data(), size_);
      fold->FoldMerge(get(), other.data());
    }
  }

 private:
  const size_t size_;
  std::vector<uint64_t> words_;
};

inline std::string_view GroupPart(std::string_view key, uint32_t parts) {
  if (parts == 0) return key;
  const size_t bytes = OrderedPrefix(key, parts);
  if (bytes != kNotOrdered) return key.substr(0, bytes);
  throw AttemptFailed{"reduce.group = " + std::to_string(parts) +
                      ": a key that is not made of parts. Try: Emit(quern::Ordered(a, b), value)"};
}

inline void SortByKey(Records* records) {
  std::stable_sort(records->begin(), records->end(),
                   [](const Record& a, const Record& b) { return a.first < b.first; });
}

// Calls `each` with the key and the records of every group; they are sorted.
template <typename Each>
void ForEachGroup(const Records& records, uint32_t parts, Each each) {
  const Record* const end = records.data() + records.size();
  for (const Record* first = records.data(); first != end;) {
    const std::string_view key = GroupPart(first->first, parts);
    const Record* last = first;
    while (last != end && GroupPart(last->first, parts) == key) ++last;
    each(key, Group::Span{first, last});
    first = last;
  }
}

}  // namespace quern::testing::engine
