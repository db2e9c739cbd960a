#!/usr/bin/env bash
# Every header is C++ to clang as well, which the presets `tidy` and `fuzz` compile with; the others
# use GCC. All headers of a group of folders are read as one source, so it takes seconds. Run by ctest.
#
#   check_clang.sh ROOT BUILD FLAG...    BUILD has the generated messages
set -euo pipefail

unset $(git rev-parse --local-env-vars)  # of the hook that may have started it
cd "$1"
flags=(-std=c++20 -fsyntax-only "-I$PWD" -isystem "$2/proto/gen" "${@:3}")
command -v clang++ >/dev/null || { echo "clang++: not installed. Try: deploy/install-deps.sh"; exit 1; }

# In servers a Counter is a metric, in what jobs are made of one of the job's: two sources.
for_jobs='^(jobs|mapreduce/(api|cli|engine|formats|plan|task))/'
for_servers='^(jobs/search/(changing|cli|serving))/'
headers() {
  # Those of Arrow's module are compiled only where Arrow is installed.
  git ls-files '*.h' | grep -v -e '^tests/' -e '^mapreduce/formats/parquet/module/'
}
check() {
  sed 's/.*/#include "&"/' | clang++ "${flags[@]}" -x c++ - || { echo "headers of $1: see above"; exit 1; }
}
headers | grep -E "$for_jobs" | grep -vE "$for_servers" | check jobs
{
  headers | grep -vE "$for_jobs"
  headers | grep -E "$for_servers"
} | check servers
