#!/usr/bin/env bash
# Random work under random faults, for as long as one likes.
#
#   tests/campaign.sh --minutes N [--seed S] [--only NAME] [--preset P]
#
# NAME: ledger, jobs, engine; all of them side by side without it. What was found is in
# build/PRESET/campaign/NAME.log; the exit code is 0 when nothing was. Power cuts, full and hung
# disks need root and loop devices.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=release
minutes=1
seed=$((RANDOM * 32768 + RANDOM))
names=(ledger jobs engine)

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }
while [[ $# -gt 0 ]]; do
  case "$1" in
    --minutes | --seed | --only | --preset)
      [[ $# -ge 2 ]] || { echo "campaign.sh: $1 needs a value. Try: --help" >&2; exit 2; }
      case "$1" in
        --minutes) minutes=$2 ;;
        --seed) seed=$2 ;;
        --only) names=("$2") ;;
        --preset) preset=$2 ;;
      esac
      shift 2 ;;
    --help) usage; exit 0 ;;
    *) echo "campaign.sh: $1: unknown flag. Try: --help" >&2; exit 2 ;;
  esac
done
[[ $minutes =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ ]] ||
  { echo "campaign.sh: --minutes and --seed are numbers" >&2; exit 2; }

build=$root/build/$preset
logs=$build/campaign
mkdir -p "$logs"
cd "$root"
echo "building in $build"
[[ -f $build/build.ninja ]] || cmake --preset "$preset" >"$logs/configure.log"
targets=()
for name in "${names[@]}"; do targets+=("${name}_campaign"); done
cmake --build "$build" --target product gated_words "${targets[@]}" >"$logs/build.log" 2>&1 ||
  { tail -n 30 "$logs/build.log" >&2; echo "campaign.sh: the build failed" >&2; exit 1; }

export QUERN_BIN=$build/bin QUERN_JOBS=$build/lib/quern/jobs
echo "seed $seed, $minutes minutes each: ${names[*]}"
pids=()
trap '[[ ${#pids[@]} -eq 0 ]] || kill "${pids[@]}" 2>/dev/null; exit 130' INT TERM
for name in "${names[@]}"; do
  # The servers' logs of a round that found something are left where it runs.
  (cd "$logs" && exec "$build/tests/${name}_campaign" --minutes "$minutes" --seed "$seed") \
    >"$logs/$name.log" 2>&1 &
  pids+=($!)
done
failed=0
for i in "${!names[@]}"; do
  if wait "${pids[$i]}"; then
    echo "${names[$i]}: nothing found. $(tail -n 1 "$logs/${names[$i]}.log")"
  else
    failed=1
    echo "${names[$i]}: FOUND, see $logs/${names[$i]}.log:"
    grep -m 5 -A 4 Failure "$logs/${names[$i]}.log" || tail -n 5 "$logs/${names[$i]}.log"
  fi
done
exit "$failed"
