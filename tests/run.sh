#!/usr/bin/env bash
# Installs what is missing, builds everything, looks at the sources that were changed last with clang-tidy
# and runs every test. The last lines are ctest's.
#
#   tests/run.sh                      all tests but the slow ones, preset ci
#   tests/run.sh --preset asan        under AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/run.sh --preset tsan        under ThreadSanitizer
#   tests/run.sh --slow               the slow ones too
#   tests/run.sh --filter REGEX       only tests whose name matches
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=ci
ctest_arguments=(-LE slow)
jobs=$(nproc)
tidied=40  # more than most changes touch; all take an hour and more

fail() {
  echo "run.sh: $*" >&2
  exit 1
}
usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
}

while [[ $# -gt 0 ]]; do
  case "$1" in
    --preset) preset=${2:-}; shift 2 || { usage >&2; exit 2; } ;;
    --preset=*) preset=${1#*=}; shift ;;
    --slow) ctest_arguments=(); shift ;;
    --filter) ctest_arguments+=(-R "${2:-}"); shift 2 || { usage >&2; exit 2; } ;;
    --help) usage; exit 0 ;;
    *) echo "run.sh: $1: unknown flag. Try: --help" >&2; exit 2 ;;
  esac
done
case "$preset" in
  ci | dev | release | asan | tsan) ;;
  *) echo "run.sh: --preset $preset: must be ci, dev, release, asan or tsan" >&2; exit 2 ;;
esac

# One line now and then while a quiet command runs; its output if it fails.
with_progress() {
  local what=$1 log=$2
  shift 2
  "$@" >"$log" 2>&1 &
  local pid=$! seconds=0
  trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    seconds=$((seconds + 1))
    if ((seconds % 10 == 0)); then
      echo "      $(tail -n 1 "$log" | cut -c 1-90)"
    fi
  done
  trap - INT TERM
  if ! wait "$pid"; then
    grep -E -A 12 'error|FAILED|undefined reference|CMake Error' "$log" | head -60 >&2 || true
    fail "$what failed; everything it said is in $log"
  fi
}

# Names the next part, and says how long the one before it took.
part() {
  [[ -z ${part_name:-} ]] || echo "      $part_name: $((SECONDS - part_start)) s"
  part_name=$2 part_start=$SECONDS
  echo "[$1/6] $2${3:+ $3}"
}

build=$root/build/$preset
mkdir -p "$build"
cd "$root"
part 1 dependencies
deploy/install-deps.sh || fail "installing the dependencies failed"
part 2 configure "preset $preset in $build"
with_progress "configure" "$build/configure.log" cmake --preset "$preset"
part 3 build
with_progress "build" "$build/build.log" cmake --build "$build" -j "$jobs"
part 4 headers
with_progress "headers" "$build/headers.log" cmake --build "$build" -j "$jobs" --target check_headers
part 5 clang-tidy "of the $tidied sources that were changed last"
if [[ $preset != ci ]]; then
  echo "      left out: it is looked at with the preset ci"
elif ! git rev-parse --is-inside-work-tree >"$build/tidy.log" 2>&1; then
  echo "      left out: this is no checkout of git, which says what was changed last"
else
  with_progress "clang-tidy" "$build/tidy.log" tests/tidy.sh --recent "$tidied"
fi
part 6 tests
# What the sanitizers are told lies with the test presets. A filter that matches nothing has tested nothing.
exec ctest --preset "$preset" -j 2 --no-tests=error "${ctest_arguments[@]}"
