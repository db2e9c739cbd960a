#!/bin/bash
# Shows that the power-cut test can fail: builds Quern with one safety step left out at a time, and
# expects the test to notice each time.
#
#   NO_DATASYNC         the data of a chunk are not fdatasynced
#   INDEX_UNSYNCED      the chunkservers write RocksDB without sync
#   METADATA_UNSYNCED   the master writes RocksDB without sync
#
# Each mutant has a build directory of its own below build/; with ccache only the files that differ
# are compiled. Exit code 0 when every mutant was caught, 77 where power cuts cannot be made.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${QUERN_BUILD_JOBS:-$(nproc)}
filter='PowerCut.WhatPutReturnedIsWholeAfterwards'

say() { echo "mutants: $*"; }

build_and_run() { # mutant: prints the test's output; its exit code
  local build=$root/build/mutant-${1:-none}
  cmake -S "$root" --preset ci -B "$build" -DQUERN_MUTANT="$1" >"$build.log" 2>&1 &&
    cmake --build "$build" -j "$jobs" --target product power_cut_test >>"$build.log" 2>&1 ||
    { tail -n 20 "$build.log"; say "the build of ${1:-the original} failed, see $build.log"; exit 1; }
  QUERN_BIN=$build/bin QUERN_JOBS=$build/lib/quern/jobs \
    timeout 300 "$build/tests/power_cut_test" --gtest_filter="$filter" 2>&1
}

mkdir -p "$root/build"
say "building the original; the test must pass"
output=$(build_and_run "") || { echo "$output" | tail -n 30; say "the original fails: nothing shown"; exit 1; }
if grep -q SKIPPED <<<"$output"; then say "no power cuts here (needs root and loop devices)"; exit 77; fi

for mutant in NO_DATASYNC INDEX_UNSYNCED METADATA_UNSYNCED; do
  say "building $mutant; the test must fail"
  if output=$(build_and_run "$mutant"); then say "$mutant was NOT caught"; exit 1; fi
  grep -q '\[  FAILED  \] PowerCut' <<<"$output" || { echo "$output" | tail -n 30; say "$mutant: the test did not run"; exit 1; }
  say "$mutant was caught: $(grep -m1 -A6 ': Failure$' <<<"$output" | tail -n +2 | tr '\n' ' ' | cut -c1-300)"
done
say "every mutant was caught"
