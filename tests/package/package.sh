#!/bin/bash
# Makes the Debian package of BUILD_DIR and judges it in a debootstrap folder: install, start, upgrade, remove, purge.
# package.sh BUILD_DIR [make]: with `make`, only what the test needs and takes long, for the fixture.
set -euo pipefail
build=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then echo "package.sh: not root, which debootstrap and chroot need: skipped"; exit 77; fi
for tool in debootstrap dpkg-shlibdeps cpack; do
  command -v "$tool" >/dev/null || { echo "package.sh: no $tool here (see scripts/packages.sh): skipped"; exit 77; }
done
work=$(mktemp -d /tmp/outboard-package-XXXXXX)
root=$work/root
daemon=
end_daemon() { [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true; daemon=; }
trap 'end_daemon; umount "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { echo "FAIL: $*" >&2; exit 1; }
step() { printf '== [%2ds] %s\n' "$SECONDS" "$*"; }
inside() { DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"; }

make_first() {  # $work/1.deb
  # gzip: the test need not wait for xz
  cpack --config "$build/CPackConfig.cmake" -B "$work/cpack" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; fail "cpack"; }
  mv "$work"/cpack/*.deb "$work/1.deb"
}

make_second() {  # $work/2.deb: the same as a later version, with another default configuration
  dpkg-deb -R "$work/1.deb" "$work/unpacked"
  sed -i 's/^Version: .*/Version: 99.0/' "$work/unpacked/DEBIAN/control"
  echo "# of version 99" >>"$work/unpacked/etc/outboard/outboard.toml"
  rm -f "$work/unpacked/DEBIAN/md5sums"
  dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/unpacked" "$work/2.deb" >/dev/null
}

make_root() {  # a Debian with what the package depends on
  mkdir "$root"
  tar -C "$root" -xf "$("$here/root.sh" "$work/1.deb")"
  mount -t proc proc "$root/proc"
}

listing() {  # all that a package could leave behind
  (cd "$root" && find etc usr var/lib run -xdev ! -path 'var/lib/dpkg*' ! -path 'var/lib/systemd*' ! -path 'etc/*-' | sort)
}

start_daemon() {  # as the unit starts it
  inside install -d -o outboard -g outboard -m 0750 /run/outboard
  # exec, so that the process is the daemon itself
  (exec chroot "$root" setpriv --reuid outboard --regid outboard --init-groups --no-new-privs --inh-caps=-all \
    /usr/bin/outboardd --group outboard --config /etc/outboard/outboard.toml 2>"$work/daemon") &
  daemon=$!
  for _ in $(seq 100); do
    if inside tgtctl status >"$work/status" 2>&1; then return; fi
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/daemon" "$work/status" >&2
  fail "outboardd does not start"
}

stop_daemon() {
  kill -TERM "$daemon"
  wait "$daemon" || fail "outboardd ended with $?"
  daemon=
}

install_first() {
  inside dpkg -i /1.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "dpkg -i"; }
  for program in outboardd tgtctl outboard-emu; do inside "$program" --version >/dev/null 2>&1 || inside "$program" --help >/dev/null || fail "$program"; done
  [ "$(inside stat -c '%U %a' /var/lib/outboard)" = "outboard 700" ] || fail "owner of /var/lib/outboard"
  [ -e "$root/usr/lib/systemd/system/outboard.service" ] || fail "no unit"
  [ -L "$root/etc/systemd/system/multi-user.target.wants/outboard.service" ] || fail "the unit is not enabled"
  start_daemon
  inside tgtctl lu create disk --backstore ram --size 1MiB >/dev/null || fail "tgtctl lu create"
  stop_daemon
}

upgrade() {
  echo "# mine" >>"$root/etc/outboard/outboard.toml"
  inside dpkg --force-confold -i /2.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "upgrade"; }
  [ "$(inside dpkg-query -W -f '${Version}' outboard)" = 99.0 ] || fail "the upgrade is not in"
  tail -1 "$root/etc/outboard/outboard.toml" | grep -q '# mine' || fail "the upgrade overwrote the configuration"
  start_daemon
  inside tgtctl lu list | grep -q disk || fail "the upgrade lost the configuration"
  stop_daemon
}

remove_and_purge() {
  inside dpkg -r outboard >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "remove"; }
  [ ! -e "$root/usr/bin/outboardd" ] || fail "a removed package leaves its daemon"
  [ -e "$root/etc/outboard/outboard.toml" ] && [ -e "$root/var/lib/outboard/config.toml" ] || fail "remove took the configuration"
  inside dpkg -P outboard >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "purge"; }
  rm -rf "$root/run/outboard"  # systemd's to remove
  listing >"$work/after"
  diff "$work/before" "$work/after" >"$work/left" || { cat "$work/left" >&2; fail "not as before"; }
  ! inside getent passwd outboard >/dev/null || fail "the user is still there"
}

purge_keeps_disks() {
  inside dpkg -i /1.deb >"$work/log" 2>&1 || fail "install again"
  echo data >"$root/var/lib/outboard/disk.img"
  inside dpkg -P outboard >"$work/log" 2>&1 || fail "purge with a disk"
  [ "$(cat "$root/var/lib/outboard/disk.img")" = data ] || fail "a purge deletes disk images"
}

step "the package"; make_first
if [ "${2:-}" = make ]; then
  step "a small Debian"; "$here/root.sh" "$work/1.deb"
  exit
fi
make_second
step "a small Debian"; make_root
cp "$work/1.deb" "$work/2.deb" "$root/"
listing >"$work/before"
step "install"; install_first
step "upgrade"; upgrade
step "remove, purge"; remove_and_purge
step "purge beside a disk image"; purge_keeps_disks
step "all done"
