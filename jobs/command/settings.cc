#include "jobs/command/settings.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "jobs/params.h"

namespace quern::command {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxKeyFields = 1000;

// One a line.
std::vector<std::string> ReadList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) items.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return items;
}

std::string Separator(TaskContext& context, const std::string& name) {
  const std::string_view text = context.param(name, "\t");
  if (text.empty() || text.find('\n') != std::string_view::npos) {
    context.Fail("params." + name + ": a separator has one character at least, and no line feed");
  }
  return std::string(text);
}

size_t KeyFields(TaskContext& context, const std::string& name) {
  return static_cast<size_t>(NumberParam(context, name, "1", 1, kMaxKeyFields));
}

// A name as the shell can have it.
std::string Variable(std::string name) {
  for (char& c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!plain) c = '_';
  }
  return name;
}

std::string Digits(uint32_t number, size_t width) {
  const std::string text = std::to_string(number);
  return std::string(width - std::min(width, text.size()), '0') + text;
}

class Variables {
 public:
  // Under both names.
  void Add(const std::string& name, const std::string& older, const std::string& value) {
    list_.push_back(name + "=" + value);
    list_.push_back(older + "=" + value);
  }
  void Add(const std::string& name, const std::string& value) {
    list_.push_back(name + "=" + value);
  }
  std::vector<std::string> Take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

void AddTask(const TaskContext& context, bool map, Variables* variables) {
  const std::string job(context.job_id());
  const std::string task = job + (map ? "_m-" : "_r-") + Digits(context.task_index(), 5);
  const std::string reduces = std::to_string(context.reduce_tasks());
  variables->Add("mapreduce_job_id", "mapred_job_id", job);
  variables->Add("mapreduce_task_id", "mapred_tip_id", task);
  variables->Add("mapreduce_task_attempt_id", "mapred_task_id",
                 task + "." + std::to_string(context.attempt()));
  variables->Add("mapreduce_task_partition", "mapred_task_partition",
                 std::to_string(context.task_index()));
  variables->Add("mapreduce_task_ismap", "mapred_task_is_map", map ? "true" : "false");
  variables->Add("mapreduce_job_reduces", "mapred_reduce_tasks", reduces);
}

void AddInput(const SplitPiece& input, Variables* variables) {
  variables->Add("mapreduce_map_input_file", "map_input_file", std::string(input.path));
  variables->Add("mapreduce_map_input_start", "map_input_start", std::to_string(input.offset));
  variables->Add("mapreduce_map_input_length", "map_input_length", std::to_string(input.length));
}

bool IsProgram(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char first[4] = {};
  file.read(first, sizeof(first));
  const std::string_view bytes(first, static_cast<size_t>(file.gcount()));
  return bytes.starts_with("#!") || bytes == std::string_view(
                                                 "\x7f"
                                                 "ELF",
                                                 4);
}

}  // namespace

Settings ReadSettings(TaskContext& context, Role role) {
  Settings settings;
  settings.command = context.param(role == Role::kMap      ? "command.map"
                                   : role == Role::kReduce ? "command.reduce"
                                                           : "command.combine");
  const std::string_view io = context.param("command.io", "lines");
  if (io != "lines" && io != "frames") {
    context.Fail("params.command.io = '" + std::string(io) + "': must be lines or frames");
  }
  settings.frames = io == "frames";
  // A combiner reads and writes what mappers write.
  const std::string side = role == Role::kReduce ? "reduce" : "map";
  settings.output.separator = Separator(context, "stream." + side + ".output.field.separator");
  settings.output.key_fields = KeyFields(context, "stream.num." + side + ".output.key.fields");
  settings.output.keeps_separator = role == Role::kReduce || context.reduce_tasks() == 0;
  settings.input.separator = Separator(context, "stream." + side + ".input.field.separator");
  if (role == Role::kCombine) settings.input = settings.output;
  return settings;
}

std::vector<std::string> Environment(TaskContext& context, Role role, const SplitPiece* input) {
  Variables variables;
  for (char** own = environ; *own != nullptr; ++own) {
    const std::string variable = *own;
    const size_t equals = variable.find('=');
    if (equals != std::string::npos) {
      variables.Add(variable.substr(0, equals), variable.substr(equals + 1));
    }
  }
  for (const std::string& name : ReadList(context.param("command.params"))) {
    variables.Add(Variable(name), std::string(context.param(name)));
  }
  AddTask(context, role != Role::kReduce, &variables);
  if (input != nullptr) AddInput(*input, &variables);
  return variables.Take();
}

WorkDir::WorkDir(TaskContext& context) {
  // Of a cluster's task: its own directory. A local run stands where its user does.
  const char* const root = getenv("TMPDIR");
  const std::string base = context.job_id() != "job-local"    ? fs::current_path().string()
                           : root == nullptr || *root == '\0' ? "/tmp"
                                                              : root;
  path_ = base + "/quern-command-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error(path_ + ": cannot be made");
  for (const std::string& name : ReadList(context.param("command.files"))) {
    const std::string from = context.file(name);
    const fs::path to = fs::path(path_) / name;
    if (IsProgram(from)) {
      fs::copy_file(from, to);
      fs::permissions(to, fs::perms::owner_all, fs::perm_options::add);
    } else {
      fs::create_symlink(from, to);
    }
  }
}

WorkDir::~WorkDir() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace quern::command
