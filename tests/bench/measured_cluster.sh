# shellcheck shell=bash
# What the comparisons with other tools share: a cluster of this machine whose processor time is
# counted. To be sourced; `tool` is the name of the script.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build/release
out=$root/build/bench

say() { echo "$tool: $*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; }
refuse() { echo "$tool: unknown argument '$1'. Try: $0 --help" >&2; exit 2; }

need_release() {
  [ -x "$build/bin/mr" ] || die "no release build. Try: cmake --preset release && cmake --build build/release --target product"
  export PATH="$build/bin:$build/bench:$PATH"
  mkdir -p "$out/input"
}

cleanup() {
  [ ! -d "${cluster:-}" ] || quern down --dir "$cluster" >/dev/null || true
  rm -rf "${scratch:?}"
  rmdir /sys/fs/cgroup/{cpuacct/,}"${group:-none}" 2>/dev/null || true
}

# Sets scratch, cluster, group and supervisor, and ends all of it with the script.
start_cluster() { # chunkservers workers
  scratch=$(mktemp -d "$out/$tool.XXXXXX")
  cluster=$scratch/cluster
  trap cleanup EXIT
  trap 'exit 130' INT TERM
  group=bench-$$
  "$root/tests/bench/measure.py" --start "$group" -- quern up --dir "$cluster" --chunkservers "$1" --workers "$2" --port_base 0 --detach >/dev/null
  eval "$(quern env --dir "$cluster")"
  # shellcheck disable=SC2034
  supervisor=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["supervisor"]["pid"])' "$cluster/state.json")
}

# Of column N of the lines that measure.py has written for this name, in scratch.
column() { awk -v c="$1" '{print $c}' "$scratch/$2.costs" | sort -g; }
least() { column "$1" "$2" | sed -n 1p; }
median() { column "$1" "$2" | awk '{v[NR] = $1} END {printf "%.2f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }
