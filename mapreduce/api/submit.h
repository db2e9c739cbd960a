// Programs that run jobs: the paper's main(). Beside the plugin with a job's classes there is
// nothing to link; the program `mr` does the work.
//
//   quern::JobSpec spec;
//   spec.plugin = "libmy_job.so";
//   spec.inputs = {{.path = "/in"}};
//   spec.output.path = "/out";
//   spec.reduce_tasks = 8;
//   const quern::JobResult result = quern::Wait(quern::Submit(spec));
//   if (!result.succeeded) std::cerr << result.reason << "\n";
//
// What goes wrong is thrown as SubmitError; a job that fails is a result. For Linux; any thread may
// call, several at once too.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "mapreduce/api/submit_process.h"

namespace quern {

// An [[input]]. What is empty is not said.
struct JobInput {
  std::string path;         // a file, a directory or a glob
  std::string format = {};  // text, jsonl, record, ...
  std::string mapper = {};  // not needed where the plugin has one
  std::string tag = {};
};

// [output], or one of [outputs.NAME].
struct JobOutput {
  std::string path = {};
  std::string format = {};
  std::string codec = {};
  std::string files = {};  // "train-{i:05}-of-{n:05}.jsonl"
};

// As a spec in a file (docs/writing-jobs.md).
struct JobSpec {
  std::string name = {};
  std::string plugin = {};  // a .so, or a .cc that is compiled
  std::vector<JobInput> inputs = {};
  int reduce_tasks = -1;  // less than 0: as many as Quern thinks right
  std::string reducer = {};
  std::string combiner = {};
  std::string partitioner = {};
  JobOutput output = {};
  std::map<std::string, JobOutput> outputs = {};   // by name
  std::map<std::string, std::string> params = {};  // context.param
  std::map<std::string, std::string> files = {};   // path -> name for context.file
  // Any other key of a spec: {"limits.memory", "2GiB"}.
  std::map<std::string, std::string> settings = {};
  bool overwrite = false;
};

// Whom to ask. What is empty is found as `mr` does: QUERN_COORDINATOR, the configuration, this
// machine.
struct JobCluster {
  std::string coordinator = {};
  std::string master = {};
  std::string mr = "mr";  // the program
};

struct JobResult {
  std::string id;     // of a local run empty
  std::string state;  // SUCCEEDED, FAILED or KILLED
  bool succeeded = false;
  std::string reason;  // why not
  // "user.NAME" for those of the job's classes, "quern.NAME" for the others.
  std::map<std::string, int64_t> counters;
  std::string json;  // all that `mr` says of it
};

class SubmitError : public std::runtime_error {
 public:
  SubmitError(const std::string& message, int code) : std::runtime_error(message), code_(code) {}
  // The exit code of `mr`: 1 nobody knows whether it was submitted, 2 wrong use, 3 rejected; 127
  // where `mr` itself cannot be run.
  int code() const { return code_; }

 private:
  const int code_;
};

namespace internal {

// A value of JSON, as far as answers of `mr` need it.
struct JsonValue {
  std::string text;                         // of a text or a number; empty for others
  std::map<std::string, JsonValue> fields;  // of an object

  const JsonValue& at(const std::string& name) const {
    static const JsonValue none;
    const auto found = fields.find(name);
    return found == fields.end() ? none : found->second;
  }
};

class JsonReader {
 public:
  // False when the bytes are no JSON.
  static bool Read(const std::string& bytes, JsonValue* value) {
    JsonReader reader(bytes);
    return reader.Value(value, 0) && (reader.Blanks(), reader.at_ == bytes.size());
  }

 private:
  explicit JsonReader(const std::string& bytes) : bytes_(bytes) {}

  char Peek() const { return at_ < bytes_.size() ? bytes_[at_] : '\0'; }
  void Blanks() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r') ++at_;
  }
  bool Take(char c) {
    Blanks();
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  bool Value(JsonValue* value, int depth) {
    if (depth > 100) return false;
    Blanks();
    if (Peek() == '"') return Text(&value->text);
    if (Peek() == '{' || Peek() == '[') return Members(value, depth);
    const size_t begin = at_;
    while (at_ < bytes_.size() && std::string(",]} \t\r\n").find(bytes_[at_]) == std::string::npos)
      ++at_;
    value->text = bytes_.substr(begin, at_ - begin);
    return at_ > begin;
  }
  // Those of a list have numbers for names.
  bool Members(JsonValue* value, int depth) {
    const bool list = bytes_[at_++] == '[';
    const char end = list ? ']' : '}';
    if (Take(end)) return true;
    do {
      std::string name = std::to_string(value->fields.size());
      Blanks();
      if (!list && (name.clear(), !Text(&name) || !Take(':'))) return false;
      if (!Value(&value->fields[name], depth + 1)) return false;
    } while (Take(','));
    return Take(end);
  }
  bool Text(std::string* text) {
    if (Peek() != '"') return false;
    for (++at_; at_ < bytes_.size(); ++at_) {
      const char c = bytes_[at_];
      if (c == '"') return ++at_, true;
      if (c != '\\') {
        *text += c;
      } else if (++at_; !Escaped(text)) {
        return false;
      }
    }
    return false;
  }
  // At the character behind a backslash. `mr` escapes nothing beyond ASCII.
  bool Escaped(std::string* text) {
    const std::string from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const size_t known = from.find(Peek());
    if (Peek() != '\0' && known != std::string::npos) return *text += to[known], true;
    if (Peek() != 'u' || bytes_.size() - at_ < 5) return false;
    const std::string digits = bytes_.substr(at_ + 1, 4);
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return false;
    const unsigned long code = std::stoul(digits, nullptr, 16);
    *text += code < 0x80 ? static_cast<char>(code) : '?';
    at_ += 4;
    return true;
  }

  const std::string& bytes_;
  size_t at_ = 0;
};

// A text of TOML.
inline std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      const char* const digits = "0123456789abcdef";
      quoted += std::string("\\u00") + digits[byte >> 4] + digits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

// The spec as the text of a file: keys of tables with their dots, then the inputs.
class SpecText {
 public:
  static std::string Of(const JobSpec& spec) {
    SpecText text;
    text.Put({"name"}, spec.name);
    text.Put({"plugin"}, spec.plugin.empty() ? "" : AbsolutePath(spec.plugin));
    if (spec.reduce_tasks >= 0) text.Put({"reduce", "tasks"}, std::to_string(spec.reduce_tasks));
    text.Put({"reduce", "class"}, spec.reducer);
    text.Put({"reduce", "combiner"}, spec.combiner);
    text.Put({"reduce", "partitioner"}, spec.partitioner);
    text.PutOutput({"output"}, spec.output);
    for (const auto& [name, output] : spec.outputs) text.PutOutput({"outputs", name}, output);
    if (spec.overwrite) text.Put({"output", "overwrite"}, "true");
    // Empty ones count.
    for (const auto& [name, value] : spec.params) text.Set({"params", name}, value);
    for (const auto& [path, name] : spec.files) text.Set({"files", path}, name);
    for (const auto& [key, value] : spec.settings) {
      // A reducer that is a command: beside reduce_tasks it stands in the table.
      text.Set(key == "reduce" ? Key{"reduce", "command"} : Split(key), value);
    }
    std::string lines;
    for (const auto& [key, value] : text.values_) lines += key + " = " + Quoted(value) + "\n";
    for (const JobInput& input : spec.inputs) {
      SpecText one;
      one.Put({"path"}, input.path);
      one.Put({"format"}, input.format);
      one.Put({"mapper"}, input.mapper);
      one.Put({"tag"}, input.tag);
      lines += "[[input]]\n";
      for (const auto& [key, value] : one.values_) lines += key + " = " + Quoted(value) + "\n";
    }
    return lines;
  }

 private:
  using Key = std::vector<std::string>;

  // Names of parameters and paths of files may have dots in them.
  static Key Split(const std::string& key) {
    Key parts;
    size_t begin = 0;
    for (size_t dot = 0; (dot = key.find('.', begin)) != std::string::npos; begin = dot + 1) {
      parts.push_back(key.substr(begin, dot - begin));
      if (parts[0] == "params" || parts[0] == "files") return {parts[0], key.substr(dot + 1)};
    }
    parts.push_back(key.substr(begin));
    return parts;
  }
  void Put(const Key& key, const std::string& value) {
    if (!value.empty()) Set(key, value);
  }
  void Set(const Key& key, const std::string& value) {
    std::string text;
    for (const std::string& part : key) text += (text.empty() ? "" : ".") + Quoted(part);
    values_[text] = value;
  }
  void PutOutput(Key of, const JobOutput& output) {
    const auto put = [&](const char* name, const std::string& value) {
      of.push_back(name);
      Put(of, value);
      of.pop_back();
    };
    put("path", output.path);
    put("format", output.format);
    put("codec", output.codec);
    put("files", output.files);
  }

  std::map<std::string, std::string> values_;
};

// Runs `mr`. Its answer: the last line on its standard output.
inline JsonValue AskMr(const JobCluster& cluster, std::vector<std::string> words,
                       const std::string& spec, std::string* json) {
  words.insert(words.begin(), cluster.mr);
  words.push_back("--json");
  if (!cluster.coordinator.empty()) {
    words.insert(words.end(), {"--coordinator", cluster.coordinator});
  }
  if (!cluster.master.empty()) words.insert(words.end(), {"--master", cluster.master});
  const ProcessEnd end = RunProcess(words, spec);
  *json = LastLine(end.output);
  JsonValue answer;
  if (JsonReader::Read(*json, &answer) && !answer.fields.empty()) return answer;
  // What compilers and others print comes before it.
  JsonValue error;
  const bool told = JsonReader::Read(LastLine(end.errors), &error) &&
                    !error.at("error").at("message").text.empty();
  throw SubmitError(told                 ? error.at("error").at("message").text
                    : end.errors.empty() ? cluster.mr + ": ended with " + std::to_string(end.code)
                                         : end.errors,
                    end.code);
}

inline JobResult ResultOf(const JsonValue& answer, const std::string& json) {
  JobResult result;
  result.id = answer.at("job").text;
  result.state = answer.at("state").text;
  result.succeeded = result.state == "SUCCEEDED";
  result.reason = answer.at("reason").text;
  for (const auto& [name, value] : answer.at("counters").fields) {
    result.counters[name] = std::strtoll(value.text.c_str(), nullptr, 10);
  }
  result.json = json;
  return result;
}

}  // namespace internal

// Gives the job to the cluster and does not wait for it: its id.
inline std::string Submit(const JobSpec& spec, const JobCluster& cluster = {}) {
  std::string json;
  return internal::AskMr(cluster, {"run", internal::kSpecFile, "--detach"},
                         internal::SpecText::Of(spec), &json)
      .at("job")
      .text;
}

// Until the job has ended, by whomever it was submitted.
inline JobResult Wait(const std::string& job_id, const JobCluster& cluster = {}) {
  std::string json;
  const internal::JsonValue answer = internal::AskMr(cluster, {"watch", job_id}, "", &json);
  return internal::ResultOf(answer, json);
}

// The whole job in one process on this machine: inputs and outputs may be file:///...
inline JobResult RunLocally(const JobSpec& spec, const JobCluster& cluster = {}) {
  std::string json;
  const internal::JsonValue answer = internal::AskMr(
      cluster, {"run", internal::kSpecFile, "--local"}, internal::SpecText::Of(spec), &json);
  return internal::ResultOf(answer, json);
}

}  // namespace quern
