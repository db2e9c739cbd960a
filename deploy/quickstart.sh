#!/bin/bash
# From a bare Debian 12 machine to an answered query: installs what is missing, builds Quern, starts
# a cluster on this machine, loads the text that lies on it, indexes it with a MapReduce job, asks
# the index, and stops everything again.
#
#   ./deploy/quickstart.sh [--keep]
#
# --keep leaves the cluster running. Everything stays below build/; running it again is safe, and
# fast since nothing is built twice.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
cluster=$root/build/quickstart
log=$root/build/quickstart.log
query=${QUERN_QUICKSTART_QUERY:-free software foundation}
keep=""

case "${1:-}" in
  "") ;;
  --keep) keep=yes ;;
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "quickstart: unknown argument '$1'. Try: $0 --help" >&2; exit 2 ;;
esac

headline() { printf '\n== %s\n' "$*"; }
die() { echo "quickstart: $*" >&2; exit 1; }
as_word() { printf '%q' "$1"; }  # of a shell, whatever blanks are in it

# Runs a long command with its output in the log, and shows its last line now and then: in place on
# a terminal, a new line every ten seconds elsewhere.
with_progress() { # what command...
  local what=$1 pid status=0 shown=0 last; shift
  "$@" >>"$log" 2>&1 & pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    last=$(tail -n 1 "$log" | cut -c1-90)
    if [ -t 1 ]; then printf '\r\033[K   %s' "$last"
    elif [ $((SECONDS - shown)) -ge 10 ]; then printf '   %s\n' "$last"; shown=$SECONDS; fi
    sleep 0.2
  done
  wait "$pid" || status=$?
  [ ! -t 1 ] || printf '\r\033[K'
  [ "$status" = 0 ] || { tail -n 20 "$log" >&2; die "$what failed, see $log"; }
}

stop_cluster() { [ ! -e "$cluster/state.json" ] || "$build/bin/quern" down --dir "$cluster" >/dev/null; }
on_exit() {
  local status=$?
  [ -n "$keep" ] && [ "$status" = 0 ] || stop_cluster || true
  exit "$status"
}

mkdir -p "$root/build"; : >"$log"; cd "$root"

headline "Packages"
with_progress "installing packages" ./deploy/install-deps.sh

headline "Building (several minutes the first time, nothing when it is up to date)"
# The version that the binaries print changes with every commit: configured once, then left alone.
[ -f "$build/build.ninja" ] || with_progress "configuring" cmake --preset release
with_progress "building" cmake --build "$build" --target product
export PATH="$build/bin:$PATH"
quern --version

headline "Starting a cluster: master, 3 chunkservers, coordinator, 2 workers"
trap on_exit EXIT
trap 'exit 130' INT TERM
stop_cluster || die "an earlier cluster in $cluster does not stop"
rm -rf "$cluster"
quern up --dir "$cluster" --port_base 0 --detach
eval "$(quern env --dir "$cluster")"

headline "Loading the text of this machine, three copies of everything"
dfs mkdir -p /corpus
for dir in /usr/share/doc /usr/share/common-licenses /usr/share/man; do
  [ -d "$dir" ] || continue
  echo "$dir"
  dfs put --pack "$dir" "/corpus/$(basename "$dir").jsonl"
done
dfs du -s -h /corpus

headline "Indexing it for ranked search"
mr run search-index /corpus /index --reduce 2

headline "Asking the index: $query"
mr search /index -k 3 "$query"

headline "Done in $SECONDS s"
if [ -n "$keep" ]; then
  echo "The cluster keeps running. To use it:"
  echo
  quern env --dir "$cluster" | sed 's/^/  /'
  echo
  quern status --dir "$cluster" | awk '$1 == "master" || $1 == "coordinator" {print "  " $1 "\t" $5}'
  echo
  echo "A search page: quern-search serve /index      # http://127.0.0.1:9600"
  echo "Stop it with: $(as_word "$build/bin/quern") down --dir $(as_word "$cluster")"
else
  echo "The cluster is stopped. With --keep it stays up, with its pages. Try next:"
  echo
  echo "  export PATH=$(as_word "$build/bin"):\"\$PATH\""
  echo "  quern up --detach && eval \"\$(quern env)\""
  echo "  dfs put README.md /in && mr run wordcount /in /out && dfs cat '/out/part-*'"
  echo
  echo "or a search page over any folder, without a cluster:"
  echo
  echo "  mr run --local --format whole search-index file:///usr/share/doc file:///tmp/index"
  echo "  quern-search serve file:///tmp/index        # http://127.0.0.1:9600"
fi
