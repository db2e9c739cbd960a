#!/usr/bin/env bash
# Builds Debian packages of Quern: quern_VERSION_ARCH.deb and quern-dev_VERSION_ARCH.deb.
#
#   deploy/make-deb.sh [OUT]     into the directory OUT (build/packages)
#
# Then:  apt install ./build/packages/quern_*.deb
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case "${1:-}" in
  -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) echo "make-deb.sh: $1: unknown flag. Try: --help" >&2; exit 2 ;;
esac
out=${1:-$root/build/packages}
mkdir -p "$out"
out=$(cd "$out" && pwd)

"$root/deploy/install-deps.sh"
cd "$root"
echo "[1/2] build"
cmake --preset release >/dev/null
cmake --build build/release --target product
echo "[2/2] packages"
cd build/release
cpack -G DEB -B "$out" >"$out/cpack.log" || { tail -n 20 "$out/cpack.log" >&2; exit 1; }
rm -rf "$out/_CPack_Packages"
ls -1 "$out"/quern*.deb
