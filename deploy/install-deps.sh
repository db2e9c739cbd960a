#!/usr/bin/env bash
# Installs the Debian 12 packages that Quern needs. Quiet, and quick when everything is there.
#
#   deploy/install-deps.sh             to build, test and run
#   deploy/install-deps.sh --runtime   only to run what was built elsewhere (the container image)
#   deploy/install-deps.sh --list      prints the packages and installs nothing
set -euo pipefail

build_packages=(
  # tools
  cmake ninja-build g++ ccache mold clang clang-tidy clang-format libclang-rt-14-dev pkg-config git
  ca-certificates
  python3 procps e2fsprogs mount dpkg-dev file
  # RPC, files, metadata
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev librocksdb-dev
  libisal-dev libxxhash-dev liblz4-dev libzstd-dev zlib1g-dev libbz2-dev
  liblzma-dev libssl-dev
  # command lines, logs, pages, formats
  libcli11-dev libspdlog-dev libfmt-dev libcpp-httplib-dev libbrotli-dev prometheus-cpp-dev
  nlohmann-json3-dev libsimdjson-dev libtomlplusplus-dev libre2-dev
  # text of corpora
  libutf8proc-dev libpsl-dev libuchardet-dev libcld2-dev libstemmer-dev
  # tests
  libgtest-dev libgmock-dev libbenchmark-dev python3-numpy
)
# What the binaries of a release build load (ldd, dpkg -S): gRPC, Protobuf and Abseil are in them
# (QUERN_STATIC_PACKAGES). The container's build holds the list to that.
runtime_packages=(
  librocksdb7.8 libisal2 libxxhash0 liblz4-1 libzstd1
  zlib1g libbz2-1.0 liblzma5 libssl3 libspdlog1.10 libfmt9 libcpp-httplib0.11 libprometheus-cpp-core1.0 libsimdjson14
  libtomlplusplus3 libre2-9 libutf8proc2 libpsl5
  libuchardet0 libcld2-0 libstemmer0d ca-certificates
)

fail() {
  echo "install-deps: $*" >&2
  exit 1
}

packages=("${build_packages[@]}")
mode=install
for argument in "$@"; do
  case "$argument" in
    --runtime) packages=("${runtime_packages[@]}") ;;
    --list) mode=list ;;
    *)
      echo "usage: $0 [--runtime] [--list]" >&2
      exit 2
      ;;
  esac
done
if [[ $mode == list ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

command -v dpkg-query >/dev/null || fail "no dpkg here: Quern is built on Debian 12 (bookworm)"

missing=()
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
for package in "${packages[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || fail "needs ${missing[*]}. Try: run it as root, or install sudo"
  as_root=(sudo)
fi
apt_get() {
  # Waits for another apt instead of failing; asks nothing.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 "$@"
}

echo "install-deps: installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists of a fresh machine or container are empty or old; they are fetched only then.
if ! apt_get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  apt_get update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed"; }
  apt_get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
    { tail -20 "$log" >&2; fail "apt-get could not install ${missing[*]}"; }
fi
echo "install-deps: done"
