#!/bin/bash
# Files of tokens, read by the readers of Megatron and datatrove themselves; nanoGPT's, which ctest reads too.
#
#   tests/bench/token_readers.sh [BUILD_DIR]      default: build/release
#
# Installs numpy, megatron-core and datatrove from PyPI into build/bench/token_readers and runs
# tests/jobs/corpus/token_readers_test.py there. megatron-core is installed without torch, of which its reader wants
# the base of a class only. Exit code 77 where the packages cannot be had. A minute.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case "${1:-}" in -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
build=${1:-$root/build/release}
[ -x "$build/bin/mr" ] || { echo "token_readers: $build/bin/mr is missing. Try: cmake --build $build" >&2; exit 1; }
venv=$root/build/bench/token_readers
[ -x "$venv/bin/python3" ] || python3 -m venv "$venv"
has() { "$venv/bin/python3" -c 'import datatrove, megatron, numpy, tokenizers' 2>/dev/null; }
has || { "$venv/bin/pip" install -q --no-deps megatron-core && "$venv/bin/pip" install -q numpy datatrove tokenizers; } || {
  echo "SKIPPED, nothing was tested: numpy, megatron-core, datatrove and tokenizers are not there, and PyPI gave none"
  exit 77
}
exec "$venv/bin/python3" "$root/tests/jobs/corpus/token_readers_test.py" "$build"
