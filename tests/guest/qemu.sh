#!/bin/bash
# Makes a folder with a QEMU that has vfio-user-pci (10.1 or later, from trixie-backports) and with trixie's kernel
# package, beside the machine's own, which stays as it is; prints the folder. Cached under $OUTBOARD_CACHE (default
# ~/.cache/outboard); rebuilt when this script changes. Needs root, for debootstrap.
set -euo pipefail
cache=${OUTBOARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/outboard}/qemu
stamp=$(sha256sum <"$0" | cut -c1-16)
folder=$cache/$stamp

mirror() {  # where this machine takes Debian from
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1
}

inside() { DEBIAN_FRONTEND=noninteractive chroot "$work" "$@" >>"$log" 2>&1; }

build() {
  work=$(mktemp -d "$cache/making-XXXXXX")
  log=$cache/log
  # Its last status is not the script's, which set -e would make it.
  trap 'umount "$work/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
  local from
  from=$(mirror)
  [ -n "$from" ] || { apt-get update -qq >&2; from=$(mirror); }
  [ -n "$from" ] || { echo "qemu.sh: apt does not say where this machine takes Debian from" >&2; return 1; }
  echo "qemu.sh: making a folder with QEMU from trixie-backports (some minutes; log: $log)" >&2
  debootstrap --variant=minbase --include=ca-certificates trixie "$work" "$from" >"$log" 2>&1
  mount -t proc proc "$work/proc"
  echo "deb $from trixie-backports main" >"$work/etc/apt/sources.list.d/backports.list"
  inside apt-get update
  inside apt-get install -y --no-install-recommends -t trixie-backports qemu-system-x86 seabios
  local kernel
  kernel=$(chroot "$work" apt-cache depends -qq linux-image-amd64/trixie |
    sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
  inside sh -c "mkdir -p /kernel && cd /kernel && apt-get download -o APT::Sandbox::User=root $kernel"
  umount "$work/proc"
  rm -rf "$work"/var/cache/apt "$work"/var/lib/apt/lists "$work"/usr/share/doc "$work"/usr/share/locale
  find "$cache" -mindepth 1 -maxdepth 1 -type d ! -path "$work" -exec rm -rf {} +
  mv "$work" "$folder"
}

mkdir -p "$cache"
exec 9>"$cache/lock"; flock 9
[ -d "$folder/kernel" ] || build || { echo "qemu.sh: failed; the end of $cache/log:" >&2; tail -20 "$cache/log" >&2; exit 1; }
echo "$folder"
