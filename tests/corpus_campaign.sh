#!/usr/bin/env bash
# A training corpus out of a real crawl, on a cluster of which workers are killed: byte-equal every time.
#
#   tests/corpus_campaign.sh [--crawl FILE.warc.gz] [--preset P] [--stages STAGE,STAGE]
#
# Makes a crawl of more than 300 MB of HTML (tests/bench/make_crawl.sh; kept in build/bench/input), puts it into a
# cluster of three chunkservers and three workers on this machine, and runs `mr run corpus` once undisturbed and then
# once for each of --stages (extract,tag): as soon as that stage runs, a worker that works on it is killed
# with all it holds. Everything that the pipeline publishes must be the same bytes each time. Ten minutes on two cores.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=release
crawl=$root/build/bench/input/crawl.warc.gz
stages=extract,tag
while [ $# -gt 0 ]; do
  case "$1" in
    --crawl) crawl=$(realpath "${2:?}"); shift 2 ;;
    --preset) preset=${2:?}; shift 2 ;;
    --stages) stages=${2:?}; shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) echo "corpus_campaign: unknown argument '$1'. Try: $0 --help" >&2; exit 2 ;;
  esac
done
say() { echo "corpus_campaign: $*" >&2; }
die() { say "$*"; exit 1; }

bin=$root/build/$preset/bin
[ -x "$bin/mr" ] || die "no build in $bin. Try: cmake --preset $preset && cmake --build build/$preset --target product"
export PATH=$bin:$PATH LC_ALL=C
if [ ! -s "$crawl" ]; then
  say "making a crawl"
  mkdir -p "$(dirname "$crawl")"
  "$root/tests/bench/make_crawl.sh" "$crawl"
fi

scratch=$(mktemp -d "$root/build/corpus.XXXXXX")
cluster=$scratch/cluster
cleanup() { [ ! -d "$cluster" ] || quern down --dir "$cluster" >/dev/null || true; rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT TERM
quern up --dir "$cluster" --chunkservers 3 --workers 3 --port_base 0 --detach >/dev/null
eval "$(quern env --dir "$cluster")"
dfs mkdir /crawl
dfs put --replication 2 "$crawl" /crawl/crawl.warc.gz

# Each published file with the digest of its bytes; what says when and by which job it was made stays out.
digest() {
  local file bytes
  dfs find /corpus --type f | grep -v -e /_MANIFEST.json -e /_SUCCESS | sort >"$scratch/files"
  while read -r file; do
    # By itself: inside an echo a file that cannot be read would count as one of no bytes.
    bytes=$(dfs cat "$file" | sha256sum | cut -c1-32)
    echo "$bytes $file"
  done <"$scratch/files"
}

# A worker with a task of the stage: its process id.
worker_of() { # stage
  python3 "$root/tests/bench/worker_of.py" "$cluster" "$1"
}

run() { # name stage-to-strike
  dfs rm -r -f /corpus
  local from to killed=none
  from=$(date +%s.%N)
  mr run corpus /crawl /corpus --set languages=any >"$scratch/$1.said" 2>&1 &
  local job=$!
  if [ -n "$2" ]; then
    killed=
    while kill -0 $job 2>/dev/null && [ -z "$killed" ]; do killed=$(worker_of "$2"); done
    [ -n "$killed" ] || die "no worker was seen at work on $2"
    kill -KILL "$killed"
  fi
  wait $job || die "$1: the pipeline failed: $(tail -n 3 "$scratch/$1.said")"
  to=$(date +%s.%N)
  digest >"$scratch/$1.digest"
  say "$1: $(echo "$from $to" | awk '{printf "%.1f", $2 - $1}') s, $(wc -l <"$scratch/$1.digest") files, killed: $killed"
}

run undisturbed ""
[ "$(grep -c /shards/ "$scratch/undisturbed.digest")" -ge 16 ] || die "there are no shards"
tail -n 40 "$scratch/undisturbed.said" >&2
for stage in ${stages//,/ }; do
  run "killed-at-$stage" "$stage"
  diff "$scratch/undisturbed.digest" "$scratch/killed-at-$stage.digest" >&2 || die "other bytes after a kill in $stage"
done
say "PASS: the same bytes each time"
