// Any executable as mapper, combiner and reducer: params.command.map, .combine and .reduce are
// lines for the shell. `mr run --map` makes a job of it (docs/writing-jobs.md).
//
// A command reads records from its standard input and writes records to its standard output, as in
// Hadoop Streaming. It runs while the task goes on, so what it writes for a record comes later,
// under whatever record the task is at then.
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/command/child.h"
#include "jobs/command/combine_buffer.h"
#include "jobs/command/errors.h"
#include "jobs/command/settings.h"
#include "jobs/command/wire.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace quern::command {
namespace {

constexpr size_t kShownKeyBytes = 60;

// How far a command was given its input. It reads ahead, so where it died is somewhere before.
class Given {
 public:
  void Record(const InputSource& source) {
    if (path_.empty() || piece_ != source.piece) path_ = source.path;
    piece_ = source.piece;
    offset_ = source.offset;
  }
  void Key(std::string_view key) {
    key_.assign(key.substr(0, kShownKeyBytes));
    has_key_ = true;
  }
  std::string Describe() const {
    if (!path_.empty()) {
      return " (it was given records up to " + path_ + ":" + std::to_string(offset_) + ")";
    }
    return has_key_ ? " (it was given keys up to '" + key_ + "')" : "";
  }

  // "key 'to be': "; empty of what has a place in a file.
  std::string KeyText() const { return has_key_ ? "key '" + key_ + "': " : ""; }

 private:
  std::string path_;
  uint32_t piece_ = 0;
  uint64_t offset_ = 0;
  std::string key_;
  bool has_key_ = false;
};

// The first failure of a mapper's commands. Told when the task finishes: the record that the task
// is at when it hears of it has no part in it.
class FirstFailure {
 public:
  template <typename Step>
  void Try(Step step) {
    if (!text_.empty()) return;
    try {
      step();
    } catch (const std::runtime_error& error) {
      text_ = error.what();
    }
  }
  void Throw() const {
    if (!text_.empty()) throw std::runtime_error(text_);
  }

 private:
  std::string text_;
};

// One running command of a task.
class Runner {
 public:
  Runner(TaskContext* context, Settings settings, const std::string& dir, Role role,
         const SplitPiece* input, RecordSplitter::Give give)
      : context_(context),
        settings_(std::move(settings)),
        errors_(context),
        splitter_(settings_.frames, settings_.output, std::move(give)),
        child_({settings_.command, dir, Environment(*context, role, input),
                [this](std::string_view bytes) { splitter_.Take(bytes); },
                [this](std::string_view bytes) { errors_.Take(bytes); }}) {}

  // Whose bytes are sent next.
  void Begin(const InputSource& source) { given_.Record(source); }
  void SendOfKey(std::string_view key, std::string_view value) {
    given_.Key(key);
    Send(key, value);
  }
  void Send(std::string_view key, std::string_view value) {
    const auto put = [this](std::string_view part) { child_.Write(part); };
    if (settings_.frames) return PutFrames(key, value, put);
    Check(key, "key");
    Check(value, "value");
    PutLine(key, value, settings_.input, put);
  }
  void SendValue(std::string_view value) {
    Check(value, "record");
    PutValueLine(value, [this](std::string_view part) { child_.Write(part); });
  }
  void Finish() {
    const std::string end = child_.Finish();
    errors_.Finish();
    if (!end.empty()) {
      throw std::runtime_error("'" + settings_.command + "' " + end +
                               (errors_.last_line().empty() ? "" : ": " + errors_.last_line()) +
                               given_.Describe());
    }
    splitter_.Finish();
  }

 private:
  void Check(std::string_view text, const char* what) {
    try {
      CheckFitsLine(text, what);
    } catch (const std::invalid_argument& error) {
      // No other attempt would carry the record either.
      context_->Fail(given_.KeyText() + error.what());
    }
  }

  TaskContext* const context_;
  const Settings settings_;
  ErrorLines errors_;
  RecordSplitter splitter_;
  Child child_;
  Given given_;
};

class CommandMapper : public Mapper {
 public:
  void Start(TaskContext& context) override {
    map_ = ReadSettings(context, Role::kMap);
    combine_ = ReadSettings(context, Role::kCombine);
    if (map_.command.empty()) context.Fail("params.command.map: is missing");
    combines_ = !combine_.command.empty() && context.reduce_tasks() > 0;
    dir_.emplace(context);
    per_file_ = FlagParam(context, "command.per_file");
    const std::string_view format = context.input_format();
    values_only_ = !map_.frames && (format == "text" || format == "jsonl" || format == "fixed");
    // A task over nothing still runs its command, which may write something.
    if (!per_file_) StartCommand(0);
  }
  void Map(const MapInput& in) override {
    failure_.Try([&] { Send(in); });
  }
  void Finish() override {
    failure_.Throw();
    Stop();
    Combine();
  }

 private:
  void Send(const MapInput& in) {
    const InputSource source = in.source();
    if (per_file_ && (runner_ == nullptr || source.piece != piece_)) {
      Stop();
      StartCommand(source.piece);
    }
    runner_->Begin(source);
    values_only_ ? runner_->SendValue(in.value()) : runner_->Send(in.key(), in.value());
  }
  void StartCommand(uint32_t piece) {
    piece_ = piece;
    const std::vector<SplitPiece> split = context().split();
    const bool one_file = per_file_ || split.size() == 1;
    const SplitPiece* const input = one_file && piece < split.size() ? &split[piece] : nullptr;
    runner_ = std::make_unique<Runner>(
        &context(), map_, dir_->path(), Role::kMap, input,
        [this](std::string_view key, std::string_view value) { Give(key, value); });
  }
  void Stop() {
    if (runner_ != nullptr) runner_->Finish();
    runner_.reset();
  }
  void Give(std::string_view key, std::string_view value) {
    if (!combines_) return Emit(key, value);
    buffer_.Add(key, value);
    if (buffer_.full()) Combine();
  }
  // Hands on what a combiner makes of the records that have been collected.
  void Combine() {
    if (buffer_.empty()) return;
    Runner combiner(&context(), combine_, dir_->path(), Role::kCombine, nullptr,
                    [this](std::string_view key, std::string_view value) { Emit(key, value); });
    buffer_.TakeSorted([&combiner](std::string_view key, std::string_view value) {
      combiner.SendOfKey(key, value);
    });
    combiner.Finish();
  }

  Settings map_;
  Settings combine_;
  bool combines_ = false;
  bool per_file_ = false;
  bool values_only_ = false;
  std::optional<WorkDir> dir_;
  CombineBuffer buffer_;
  uint32_t piece_ = 0;
  std::unique_ptr<Runner> runner_;
  FirstFailure failure_;
};
QUERN_REGISTER_MAPPER(CommandMapper);

class CommandReducer : public Reducer {
 public:
  void Start(TaskContext& context) override {
    Settings settings = ReadSettings(context, Role::kReduce);
    if (settings.command.empty()) context.Fail("params.command.reduce: is missing");
    dir_.emplace(context);
    runner_ = std::make_unique<Runner>(
        &context, std::move(settings), dir_->path(), Role::kReduce, nullptr,
        [this](std::string_view key, std::string_view value) { Emit(key, value); });
  }
  void Reduce(ReduceInput* in) override {
    for (const auto& [key, value] : in->records()) runner_->SendOfKey(key, value);
  }
  void Finish() override { runner_->Finish(); }

 private:
  std::optional<WorkDir> dir_;
  std::unique_ptr<Runner> runner_;
};
QUERN_REGISTER_REDUCER(CommandReducer);

}  // namespace
}  // namespace quern::command
