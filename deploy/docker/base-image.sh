#!/bin/bash
# Makes the image debian:bookworm-slim where there is no registry to pull it from.
#
# Uses debootstrap and the Debian mirror of this machine's own apt sources. Needs root (or sudo), a
# Docker engine and about 300 MB. Does nothing when the image exists; --force makes it anew.
set -euo pipefail

readonly tag=debian:bookworm-slim
say() { echo "base-image: $*" >&2; }
die() { say "$*"; exit 1; }

case "${1:-}" in
  --force) ;;
  "") if docker image inspect "$tag" >/dev/null 2>&1; then say "$tag exists (--force makes it anew)"; exit 0; fi ;;
  -h|--help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) say "unknown argument '$1'. Try: $0 --help"; exit 2 ;;
esac
docker info >/dev/null 2>&1 || die "no Docker engine answers. Try: docker info"
sudo=""
[ "$(id -u)" = 0 ] || { command -v sudo >/dev/null || die "needs root or sudo"; sudo=sudo; }

# The first Debian archive of the machine's sources, in either of apt's two notations.
mirror_of_this_machine() {
  { sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
    sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^[:space:]]*\).*/\2/p' \
      /etc/apt/sources.list /etc/apt/sources.list.d/*.list
  } 2>/dev/null | grep -m1 '/debian/\?$' || true
}
mirror=${QUERN_DEBIAN_MIRROR:-$(mirror_of_this_machine)}
[ -n "$mirror" ] || die "no Debian mirror in /etc/apt. Try: QUERN_DEBIAN_MIRROR=http://... $0"

if ! command -v debootstrap >/dev/null; then
  say "installing debootstrap"
  $sudo apt-get install -y -qq debootstrap >/dev/null || die "apt-get install debootstrap failed"
fi

root=$(mktemp -d); log=$(mktemp)
trap '$sudo rm -rf "$root" "$log"' EXIT
say "debootstrap from $mirror (about half a minute)"
$sudo debootstrap --variant=minbase bookworm "$root" "$mirror" >"$log" 2>&1 ||
  { tail -n 5 "$log" >&2; die "debootstrap failed"; }

# What makes an image slim: no documentation, no package lists, no downloaded packages; and the
# same security updates as the official image.
$sudo tee "$root/etc/dpkg/dpkg.cfg.d/docker-slim" >/dev/null <<'CONF'
path-exclude /usr/share/doc/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
CONF
$sudo tee "$root/etc/apt/apt.conf.d/docker-clean" >/dev/null <<'CONF'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
CONF
$sudo tee "$root/etc/apt/sources.list" >/dev/null <<CONF
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb ${mirror%/}-security bookworm-security main
CONF
# What this machine has to tell apt to reach its mirror (a proxy, say) holds inside the image too.
grep -lE '^Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null | while read -r conf; do
  $sudo cp "$conf" "$root/etc/apt/apt.conf.d/"
done
$sudo rm -rf "$root"/usr/share/{doc,info,locale,man}/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* \
  "$root"/var/log/*.log
$sudo mkdir -p "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"
id=$($sudo tar -C "$root" -c . | docker import -c 'CMD ["bash"]' - "$tag") || die "docker import failed"
say "made $tag (${id#sha256:})"
