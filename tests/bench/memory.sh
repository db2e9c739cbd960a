#!/bin/bash
# The corpus pipeline and the search index over a crawl that is larger than memory, in tasks of 512 MiB.
#
#   tests/bench/memory.sh [--bytes N] [--memory SIZE] [--crawl FILE.warc.gz]
#
# Makes a crawl of N bytes (5,000,000,000) out of a real one (make_crawl.sh, multiply_crawl.py), puts it into a cluster
# of this machine and runs `mr run corpus` and `mr run search-index` over it with limits.memory = SIZE (512MiB).
# Prints wall time, processor time, and the highest resident memory of any one task process. Needs four times N of disk.
set -euo pipefail

tool=memory
# shellcheck source=tests/bench/measured_cluster.sh
. "$(dirname "${BASH_SOURCE[0]}")/measured_cluster.sh"
bytes=5000000000
memory=512MiB
crawl=$out/input/crawl.warc.gz
while [ $# -gt 0 ]; do
  case "$1" in
    --bytes) bytes=${2:?}; shift 2 ;;
    --memory) memory=${2:?}; shift 2 ;;
    --crawl) crawl=$(realpath "${2:?}"); shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "$1" ;;
  esac
done

need_release
export LC_ALL=C
[ -s "$crawl" ] || "$root/tests/bench/make_crawl.sh" "$crawl"
large=$out/input/crawl-$bytes.warc
if [ ! -s "$large" ]; then
  "$root/tests/bench/multiply_crawl.py" "$crawl" "$large.part" "$bytes"
  mv "$large.part" "$large"
fi

start_cluster 1 1
dfs mkdir /crawl
dfs put --replication 1 "$large" /crawl/crawl.warc

run() { # name mr-arguments...
  local name=$1
  shift
  "$root/tests/bench/measure.py" --cluster "$supervisor" --group "$group" --each quern-task -o "$scratch/costs" -- \
    mr run "$@" --memory "$memory" >"$scratch/said" 2>&1 || die "$name: $(tail -n 3 "$scratch/said")"
  tail -n 1 "$scratch/costs" | awk -v name="$name" '{
    printf "%s: %s s, %s s of processors, load %s; one task at most %s MB, %s MB of it no pages of files\n", name, $1, $2, $4, $5, $6}'
}
echo "$bytes bytes of crawl, tasks of $memory"
run corpus corpus /crawl /corpus --set languages=any
run search-index search-index --format warc /crawl /index --replication 1
