#!/usr/bin/env python3
"""Holds the sources to the layers of docs/architecture.md. Run by ctest.

    check_sources.py ROOT        prints one line per violation; exit code 1 when there is any
    check_sources.py --self-test shows that every rule finds a planted violation
"""

import pathlib
import re
import sys

# Who may include whom: the longest matching folder counts; an entry is a folder or one file.
# `quern` are the generated messages.
MAY_INCLUDE = {
    "common": {"common", "quern"},
    "client": {"client", "common", "quern"},
    "master": {"master", "common", "quern"},
    "chunkserver": {"chunkserver", "common", "quern"},
    "mapreduce": {"mapreduce", "client", "common", "quern"},
    # Inside mapreduce: api <- engine <- formats <- plan <- {coordinator, worker, task} <- cli.
    "mapreduce/api": {"mapreduce/api"},
    "mapreduce/engine": {"mapreduce/engine", "mapreduce/api", "common", "quern"},
    "mapreduce/formats": {"mapreduce/formats", "mapreduce/engine", "mapreduce/api", "common",
                          "quern"},
    "mapreduce/plan": {"mapreduce/plan", "mapreduce/formats", "mapreduce/engine", "mapreduce/api",
                       "client", "common", "quern"},
    "mapreduce/coordinator": {"mapreduce/coordinator", "mapreduce/plan", "mapreduce/engine",
                              "client", "common", "quern"},
    "mapreduce/worker": {"mapreduce/worker", "mapreduce/engine", "client", "common", "quern"},
    "mapreduce/task": {"mapreduce/task", "mapreduce/plan", "mapreduce/formats", "mapreduce/engine",
                       "mapreduce/api", "client", "common", "quern"},
    "mapreduce/cli": {"mapreduce/cli", "mapreduce/plan", "mapreduce/formats", "mapreduce/engine",
                      "client", "common", "quern"},
    # Inside client: the rooms know the face's values and each other only through client_context.h.
    "client/master": {"client/master", "client/options.h", "client/types.h", "client/backoff.h",
                      "common", "quern"},
    "jobs": {"jobs", "mapreduce/api"},
    # Pure functions over text, for any program.
    "jobs/text": {"jobs/text"},
    # The tool that asks an index stands beside the job that writes it: one word for what a term is.
    "jobs/search": {"jobs", "mapreduce/api", "client", "common", "quern"},
    # What it asks is a sorted table, of which the engine knows how parts are found and opened.
    "jobs/search/inverted": {"jobs", "mapreduce/api", "mapreduce/cli/table_parts.h", "client",
                             "common", "quern"},
    "deploy": {"deploy", "common", "quern"},
}

# Inside a server: logic decides, store remembers, service acts; never the other way round.
LOGIC_FORBIDS_OURS = re.compile(
    r"common/(rpc/|clock|file_io|fd|http_server|identity_marker|log|metrics|mutex|rocks|server_main"
    r"|subprocess|thread)|/(store|service)/|\.grpc\.pb\.h$")
LOGIC_FORBIDS_SYSTEM = re.compile(
    r"^(grpc|rocksdb|spdlog|httplib|toml|CLI|thread|mutex|shared_mutex|condition_variable|future"
    r"|fstream|filesystem|chrono|unistd\.h|fcntl\.h|sys/(?!uio\.h))")
STORE_FORBIDS = re.compile(r"/service/|common/rpc/|^grpc")

# Headers that cost seconds in every file that sees them, or that only one place may use.
GRPC = re.compile(r"^grpc|\.grpc\.pb\.h$")
ONLY_IN_SOURCE_FILES = re.compile(r"^(CLI/|httplib\.h|toml|spdlog/|nlohmann/)")

# Tests may look at the clock, but not sleep either.
SLEEPS = re.compile(r"\b(sleep_for|sleep_until|SleepFor|usleep|nanosleep)\b")
READS_TIME = re.compile(
    r"\b(absl::Now|GetCurrentTimeNanos|gettimeofday|clock_gettime"
    r"|(system_clock|steady_clock|high_resolution_clock)::now)\b")
MAY_USE_REAL_TIME = {
    "common/clock.cc": "the one reader of the machine's clocks",
    "common/rpc/deadline.h": "gRPC takes deadlines as points of the system's clock",
}
# Time is given: main takes the machine's clock, and options have it as their default, so that
# whoever makes the object can give it another one.
REAL_CLOCK = re.compile(r"\bClock::Real\(")
DEFAULT_CLOCK = re.compile(r"^\s+Clock\* clock = Clock::Real\(\);")
MAY_TAKE_REAL_CLOCK = {
    "common/clock.cc": "defines it",
    "common/rpc/session_server.cc": "its ticks are what gRPC's queue is asked to wake it for",
}

# fmt::print throws when the output cannot be written, the others lose it in silence.
PRINTS = re.compile(r"\bfmt::print\(|\bstd::(cout|cerr|printf|puts)\b")

# A range-for over a directory throws where a disk fails in the middle of it, and a look at a file
# without an error_code where one may not look: that ends a program.
THROWS = re.compile(
    r"\bdirectory_iterator\b|\b(fs|filesystem)::(exists|is_\w+|absolute|canonical|file_size|remove"
    r"|remove_all|create_directory|create_directories|last_write_time|current_path)"
    r"\((?!.*\b(error|ignored)\))")
MAY_THROW = {
    "common/storage/file_io.cc": "lists step by step",
    "jobs/command/settings.cc": "what a plugin throws is an error of its task",
}

# A message with one `string` that is not UTF-8 cannot be read by its receiver; names of files, users
# and machines are bytes. A map cannot have keys of bytes: who fills one checks them.
PROTO_STRING = re.compile(r"(^|[\s,<{])string\s*[,>]?\s+\w+\s*=|<\s*\w+\s*,\s*string\s*>")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT = re.compile(r"//.*$")


def layer_of(path):
    """The longest entry of MAY_INCLUDE that `path` lies in; None for anything else."""
    matches = [layer for layer in MAY_INCLUDE if path.startswith(layer + "/")]
    return max(matches, key=len, default=None)


def include_problem(path, kind, target):
    """What is wrong with this include in this file, or None."""
    system = kind == "<"
    layer = layer_of(path)
    if target.startswith("tests/") and not path.startswith("tests/"):
        return "nobody includes tests/"
    if not system and layer is not None:
        allowed = MAY_INCLUDE[layer]
        if not any(target == entry or target.startswith(entry + "/") for entry in allowed):
            return f"{layer}/ may include only {', '.join(sorted(allowed))}"
    if layer is None:
        return None
    if "/logic/" in path:
        if (LOGIC_FORBIDS_SYSTEM if system else LOGIC_FORBIDS_OURS).search(target):
            return "logic knows no RPC, storage, files, threads, clocks or logs"
    if "/store/" in path and STORE_FORBIDS.search(target):
        return "a store knows neither services nor RPC"
    if path.startswith("common/") and not path.startswith("common/rpc/"):
        if GRPC.search(target) or target.startswith("common/rpc/"):
            return "only common/rpc/ knows gRPC"
    if path.endswith(".h"):
        if GRPC.search(target) and not path.startswith("common/rpc/") and "/service/" not in path:
            return "gRPC stays out of headers, but for services"
        if ONLY_IN_SOURCE_FILES.search(target):
            return "only in .cc files: it costs seconds wherever it is included"
    if layer == "mapreduce/api" and re.search(r"^(absl|grpc|google|fmt|rocksdb)", target):
        return "plugin authors see std types only"
    return None


def check_file(path, text):
    """(line number, message) of every violation in one source file."""
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            problem = include_problem(path, match.group(1), match.group(2))
            if problem:
                yield number, f"includes {match.group(2)}: {problem}"
        elif uses_real_time(path, COMMENT.sub("", line)):
            yield number, "reads or waits for real time: use a Clock (common/clock.h)"
        elif takes_real_clock(path, COMMENT.sub("", line)):
            yield number, "takes the machine's clock: be given one, by main or by an options struct"
        elif not path.startswith("tests/") and PRINTS.search(COMMENT.sub("", line)):
            yield number, "prints past Out() and Err() (common/cli/output.h)"
        elif may_throw(path, COMMENT.sub("", line)):
            yield number, "throws where it cannot look: give an error_code, or common/storage/file_io.h"


def check_proto(text):
    """(line number, message) of every violation in one .proto file."""
    for number, line in enumerate(text.splitlines(), start=1):
        if PROTO_STRING.search(COMMENT.sub("", line)):
            yield number, "text is `bytes`: a string has to be UTF-8, and names need not be"


def uses_real_time(path, line):
    if path in MAY_USE_REAL_TIME or path.startswith("tests/bench/"):
        return False
    return bool(SLEEPS.search(line)) or (not path.startswith("tests/")
                                         and bool(READS_TIME.search(line)))


def may_throw(path, line):
    return (not path.startswith("tests/") and path not in MAY_THROW
            and THROWS.search(line) is not None)


def takes_real_clock(path, line):
    if path in MAY_TAKE_REAL_CLOCK or path.startswith("tests/") or path.endswith("/main.cc"):
        return False
    if path.endswith(".h") and DEFAULT_CLOCK.match(line):
        return False
    return bool(REAL_CLOCK.search(line))


def build_problem(root, path):
    """Every file is built, and every header compiles alone: it stands in a HEADERS list (target
    check_headers), or is the first include of the source file of its name."""
    if is_listed(root, path):
        return None
    if path.endswith(".cc"):
        return "no CMakeLists.txt names it: it is never built"
    if path.startswith("tests/"):
        return None
    source = (root / path).with_suffix(".cc")
    if source.is_file():
        first = next((m.group(2) for m in map(INCLUDE.match, source.read_text().splitlines()) if m),
                     None)
        if first == path:
            return None
    return "stands in no HEADERS list and is not the first include of its own .cc"


def is_listed(root, path):
    """Whether a CMakeLists.txt of its folder or one above names the file."""
    file = pathlib.PurePosixPath(path)
    for folder in file.parents:
        lists = root / folder / "CMakeLists.txt"
        if lists.is_file():
            # Some lists leave the ending to a loop.
            name = re.escape(str(file.relative_to(folder).with_suffix("")))
            if re.search(rf"(^|[\s(/\"]){name}({re.escape(file.suffix)})?($|[\s)\"])",
                         lists.read_text(), re.MULTILINE):
                return True
    return False


def sources(root):
    for folder in ["common", "client", "master", "chunkserver", "mapreduce", "jobs", "deploy",
                   "tests"]:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in {".h", ".cc"}:
                yield file.relative_to(root).as_posix(), file


def check_tree(root):
    count = 0
    problems = []
    for path, file in sources(root):
        count += 1
        problems += [f"{path}:{n}: {what}" for n, what in check_file(path, file.read_text())]
        problem = build_problem(root, path)
        if problem:
            problems.append(f"{path}:1: {problem}")
    for file in sorted((root / "proto").rglob("*.proto")):
        count += 1
        path = file.relative_to(root).as_posix()
        problems += [f"{path}:{n}: {what}" for n, what in check_proto(file.read_text())]
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} violations")
    return 1 if problems or count == 0 else 0


PLANTED = [
    ("master/service/x.cc", '#include "client/file_system.h"'),
    ("master/service/x.cc", '#include "chunkserver/logic/y.h"'),
    ("chunkserver/main.cc", '#include "master/logic/y.h"'),
    ("client/x.cc", '#include "mapreduce/engine/y.h"'),
    ("common/x.cc", '#include "client/y.h"'),
    ("common/x.cc", '#include "tests/support/temp_dir.h"'),
    ("common/log.cc", "#include <grpcpp/channel.h>"),
    ("mapreduce/engine/x.cc", '#include "mapreduce/plan/y.h"'),
    ("mapreduce/engine/x.cc", '#include "mapreduce/formats/y.h"'),
    ("mapreduce/coordinator/service/x.cc", '#include "mapreduce/formats/y.h"'),
    ("mapreduce/task/x.cc", '#include "mapreduce/coordinator/service/y.h"'),
    ("mapreduce/worker/x.cc", '#include "mapreduce/task/y.h"'),
    ("client/master/x.cc", '#include "client/client_context.h"'),
    ("jobs/x.cc", '#include "common/status.h"'),
    ("jobs/x.cc", '#include "mapreduce/engine/y.h"'),
    ("jobs/text/x.cc", '#include "mapreduce/api/mapreduce.h"'),
    ("jobs/search/serving/x.cc", '#include "mapreduce/cli/table_parts.h"'),
    ("jobs/search/inverted/x.cc", '#include "mapreduce/formats/sorted_table.h"'),
    ("mapreduce/api/x.h", '#include "common/status.h"'),
    ("mapreduce/api/x.h", "#include <absl/status/status.h>"),
    ("master/logic/x.h", "#include <rocksdb/db.h>"),
    ("master/logic/x.cc", '#include "common/mutex.h"'),
    ("master/logic/x.cc", '#include "common/rpc/server.h"'),
    ("master/logic/x.cc", '#include "master/store/metadata_store.h"'),
    ("master/logic/x.cc", '#include "quern/dfs/v1/chunk.grpc.pb.h"'),
    ("master/logic/x.cc", "#include <thread>"),
    ("chunkserver/store/x.cc", '#include "chunkserver/service/y.h"'),
    ("client/file_system.h", "#include <grpcpp/channel.h>"),
    ("client/shell/x.h", "#include <CLI/CLI.hpp>"),
    ("client/x.cc", "  absl::SleepFor(absl::Seconds(1));"),
    ("client/x.cc", "  std::this_thread::sleep_for(1s);"),
    ("client/x.cc", "  const auto now = std::chrono::steady_clock::now();"),
    ("tests/client/x_test.cc", "  absl::SleepFor(absl::Seconds(1));"),
    ("client/x.cc", "  const absl::Time now = Clock::Real()->MonotonicNow();"),
    ("client/x.cc", "  Clock* clock = Clock::Real();"),
    ("client/x.h", "  absl::Time Now() { return Clock::Real()->MonotonicNow(); }"),
    ("client/x.h", "  explicit X(Clock* clock = Clock::Real());"),
    ("client/x.cc", '  fmt::print("{}", text);'),
    ("client/x.cc", "  std::cout << text;"),
    ("client/x.cc", "  for (const auto& entry : fs::directory_iterator(dir, error)) {"),
    ("client/x.cc", "  if (!std::filesystem::exists(path)) return;"),
]
INNOCENT = [
    ("master/service/x.h", '#include "common/rpc/bulk.h"'),
    ("master/service/x.h", "#include <grpcpp/channel.h>"),
    ("master/logic/x.h", '#include "common/status.h"'),
    ("master/logic/x.h", '#include "quern/dfs/v1/chunk.pb.h"'),
    ("mapreduce/engine/x.h", '#include "mapreduce/api/mapreduce.h"'),
    ("mapreduce/worker/x.cc", '#include "client/file_system.h"'),
    ("mapreduce/cli/x.cc", '#include "mapreduce/plan/y.h"'),
    ("client/master/x.cc", '#include "client/options.h"'),
    ("jobs/search/inverted/x.h", '#include "mapreduce/cli/table_parts.h"'),
    ("tests/master/x_test.cc", '#include "chunkserver/logic/y.h"'),
    ("common/clock.cc", "  return absl::Now();"),
    ("client/x.cc", "  // absl::Now() is not used here"),
    ("client/options.h", "  Clock* clock = Clock::Real();  // borrowed"),
    ("client/shell/main.cc", "  return Run(quern::Clock::Real());"),
    ("tests/client/x_test.cc", "  Clock* clock = Clock::Real();"),
    ("client/x.cc", '  Out().Format("{}", text);'),
    ("tests/bench/x.cc", '  fmt::print("{}", text);'),
    ("common/storage/file_io.cc", "  std::filesystem::directory_iterator entry(dir, error);"),
    ("client/x.cc", "  if (!std::filesystem::exists(path, error)) return;"),
]


PLANTED_PROTO = ["  string path = 1;", "  optional string owner = 4;", "  repeated string nodes = 3;",
                 "message StatRequest { string path = 1; }", "  map<string, string> params = 7;"]
INNOCENT_PROTO = ["  bytes path = 1;  // not a string x = 1", "  map<string, bytes> params = 7;"]


def self_test():
    failed = [f"not found: {path}: {line}" for path, line in PLANTED
              if not list(check_file(path, line))]
    failed += [f"wrongly found: {path}: {line}" for path, line in INNOCENT
               if list(check_file(path, line))]
    failed += [f"not found: {line}" for line in PLANTED_PROTO if not list(check_proto(line))]
    failed += [f"wrongly found: {line}" for line in INNOCENT_PROTO if list(check_proto(line))]
    for failure in failed:
        print(failure)
    cases = [*PLANTED, *INNOCENT, *PLANTED_PROTO, *INNOCENT_PROTO]
    print(f"{len(cases)} cases, {len(failed)} failed")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    return check_tree(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
