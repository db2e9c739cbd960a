#!/usr/bin/env bash
# Puts Arrow's C++ libraries on this machine, which the format parquet is built with. Debian 12 has
# none; the wheel of pyarrow brings them along with their headers. Quick when they are there.
#
#   deploy/install-arrow.sh          into ~/.local/share/quern/arrow, where CMake looks for them
#   deploy/install-arrow.sh DIR      elsewhere; configure with -DQUERN_ARROW_DIR=DIR
#
# Then configure and build again: the binaries load the libraries from there, so machines to which
# they are copied need them in the same place.
set -euo pipefail

# One version, tested; pip refuses a file with another hash. CPython 3.11 is Debian 12's.
version=26.0.1
hashes=(
  39cb0f2418282c24bea6ceda77b03e5a8f0a5766b63a8bf194d4e2a2c423548c  # cp311, x86_64
)

fail() {
  echo "install-arrow: $*" >&2
  exit 1
}

case "${1:-}" in
  -*) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
dir=${1:-$HOME/.local/share/quern/arrow}

if "$dir/bin/python3" -c "import pyarrow; assert pyarrow.__version__ == '$version'" 2>/dev/null; then
  exit 0
fi
command -v python3 >/dev/null || fail "needs python3. Try: apt-get install python3 python3-venv"
python3 -m venv --clear "$dir" || fail "could not make $dir. Try: apt-get install python3-venv"
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
printf 'pyarrow==%s' "$version" >"$requirements"
printf ' --hash=sha256:%s' "${hashes[@]}" >>"$requirements"
echo "install-arrow: installing pyarrow $version into $dir"
"$dir/bin/python3" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --require-hashes -r "$requirements" ||
  fail "pip could not install pyarrow $version. Try: python3.11 on x86_64, which the pinned wheel is for"
echo "install-arrow: done"
