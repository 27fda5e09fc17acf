#!/bin/bash
# A small Debian with all that a package depends on, as a tar file, whose name it prints. Kept under $OUTBOARD_CACHE
# (default ~/.cache/outboard) for those dependencies; made anew when they change. root.sh DEB
set -euo pipefail
deb=$(realpath "$1")
cache=${OUTBOARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/outboard}/package
depends=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/ //g')
codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
stamp=$(echo "$depends $codename" | sha256sum | cut -c1-16)
fail() { echo "root.sh: $*" >&2; exit 1; }

build() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
  [ -n "$mirror" ] || fail "apt does not say where this machine takes Debian from"
  work=$(mktemp -d /tmp/outboard-package-XXXXXX); trap 'rm -rf "$work"' EXIT
  debootstrap --variant=minbase "$codename" "$work/root" "$mirror" >"$work/log" 2>&1 ||
    { tail -20 "$work/log" >&2; fail "debootstrap"; }
  # shellcheck disable=SC2086  # a list; apt knows who provides what is only a name
  { DEBIAN_FRONTEND=noninteractive chroot "$work/root" apt-get update &&
    DEBIAN_FRONTEND=noninteractive chroot "$work/root" apt-get install -y --no-install-recommends ${depends//,/ }; } \
    >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; fail "installing $depends"; }
  rm -rf "$work/root"/var/cache/apt/archives "$work/root"/var/lib/apt/lists "$work/root"/usr/share/{doc,locale,man}
  rm -f "$cache"/*.tar
  tar -C "$work/root" -cf "$cache/$stamp.tar.new" .
  mv "$cache/$stamp.tar.new" "$cache/$stamp.tar"
}

mkdir -p "$cache"
exec 9>"$cache/lock"; flock 9
[ -e "$cache/$stamp.tar" ] || build
echo "$cache/$stamp.tar"
