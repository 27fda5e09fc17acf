#!/bin/bash
# Builds kernel, initramfs and root file system of the QEMU guest from Debian packages, installs nothing; prints their
# folder. Cached under $OUTBOARD_CACHE (default ~/.cache/outboard); rebuilt when this script or init changes.
# The initramfs holds only what mounts the root, since software emulation unpacks slowly; QEMU opens the root as a
# snapshot. The tools in it are this machine's own. image.sh [KERNEL_PACKAGE_FILE]: another kernel than this Debian's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

boot_modules=(virtio_pci virtio_blk ext4 crc32c_generic crc32c_intel)
modules=(virtio_net virtio_rng sd_mod sg scsi_transport_iscsi iscsi_tcp dm_mod dm_multipath scsi_dh_alua
         dm_round_robin dm_queue_length dm_log_writes qla2xxx target_core_mod target_core_file target_core_iblock
         iscsi_target_mod tcm_qla2xxx configfs
         vfio_pci vfio_iommu_type1)
tools=(iscsid iscsiadm fio mke2fs e2fsck debugfs dmsetup)
needed_packages="dmsetup busybox-static open-iscsi sg3-utils fio e2fsprogs"

package=${1:-}  # empty: what linux-image-amd64 depends on now
cache=${OUTBOARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/outboard}/guest${package:+-$(basename "$package" .deb)}
stamp=$(cat "$here/image.sh" "$here/init" | sha256sum | cut -c1-16)
image=$cache/$stamp

copy_binary() {  # copy_binary PATH: the program and the libraries that it is linked with
  local file
  mkdir -p "$root/usr/sbin"
  cp -L "$1" "$root/usr/sbin/"
  for file in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
    [ -e "$root$file" ] || { mkdir -p "$root$(dirname "$file")"; cp -L "$file" "$root$file"; }
  done
}

download_kernel() {  # downloads what linux-image-amd64 depends on now
  local package
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n '0,/.*Depends: \(linux-image-[0-9].*\)/s//\1/p' |
    grep '^linux-image')
  [ -n "$package" ] && (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2)
}

fetch_kernel() {  # unpacks the current kernel package under $work/kernel; sets $version
  if [ -z "$package" ]; then
    download_kernel || { apt-get update -qq >&2; download_kernel; } ||
      { echo "image.sh: apt cannot download the kernel package that linux-image-amd64 depends on" >&2; exit 1; }
    package=$(ls "$work"/linux-image-*.deb)
  fi
  dpkg -x "$package" "$work/kernel"
  [ -d "$work/kernel/lib/modules" ] || mv "$work/kernel/usr/lib" "$work/kernel/lib"
  version=$(ls "$work/kernel/lib/modules")
}

copy_kernel() {  # as an ELF file, which QEMU enters directly: software emulation takes seconds to decompress it
  python3 - "$work/kernel/boot/vmlinuz-$version" "$work/out/vmlinux" <<'END'
import lzma
import subprocess
import sys
with open(sys.argv[1], "rb") as compressed, open(sys.argv[2], "wb") as out:
    data = compressed.read()
    start, plain = data.find(b"\xfd7zXZ\0"), b""
    if start >= 0:
        plain = lzma.LZMADecompressor().decompress(data[start:])
    elif (start := data.find(b"\x28\xb5\x2f\xfd")) >= 0:  # zstd says what follows its frame, and fails: as it may
        plain = subprocess.run(["zstd", "-dcq"], input=data[start:], capture_output=True, check=False).stdout
    out.write(plain if plain[:4] == b"\x7fELF" else data)
END
}

copy_modules() {  # copy_modules ROOT NAME...: the modules and what they need
  local name file deps root=$1
  shift
  mkdir -p "$root/lib/modules/$version"
  for name in "$@"; do
    file=$(grep -E "/${name//_/[-_]}\.ko(\.xz)?:" "$work/kernel/lib/modules/$version/modules.dep" || true)
    if [ -z "$file" ] && grep -qE "/${name//_/[-_]}\.ko$" "$work/kernel/lib/modules/$version/modules.builtin"; then
      continue
    fi
    [ -n "$file" ] || { echo "image.sh: the kernel package has no module $name" >&2; exit 1; }
    deps=${file/:/}
    # shellcheck disable=SC2086  # a list of paths
    (cd "$work/kernel/lib/modules/$version" && cp --parents -u ${deps} "$root/lib/modules/$version/")
  done
  find "$root/lib/modules" -name '*.ko.xz' -exec xz -d {} +
  cp "$work/kernel/lib/modules/$version"/modules.{builtin,order} "$root/lib/modules/$version/"
  sed -i 's/\.ko\.xz/.ko/' "$root/lib/modules/$version"/modules.{builtin,order}
  busybox depmod -b "$root" "$version"
}

copy_busybox() {  # copy_busybox ROOT
  local applet
  mkdir -p "$1"/{bin,dev,proc,sys,root,job}
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"; done
  install -m 755 "$here/init" "$1/init"
}

copy_tools() {
  local tool path
  for tool in "${tools[@]}"; do
    path=$(command -v "$tool") || { echo "image.sh: no $tool here; install: $needed_packages" >&2; exit 1; }
    copy_binary "$path"
  done
  ln -s mke2fs "$root/usr/sbin/mkfs.ext4"
  ln -s e2fsck "$root/usr/sbin/fsck.ext4"
  for path in $(dpkg -L sg3-utils | grep '/bin/sg'); do
    if [ "$(head -c 4 "$path" | tail -c 3)" = ELF ]; then copy_binary "$path"; fi
  done
  cp -L /lib/x86_64-linux-gnu/libgcc_s.so.1 "$root/lib/x86_64-linux-gnu/"  # loaded by name when a thread is cancelled
  cp /etc/mke2fs.conf "$root/etc/"
  cp /etc/iscsi/iscsid.conf "$root/etc/iscsi/"
  echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
}

build() {
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  root=$work/root boot=$work/boot
  mkdir -p "$root"/{run,tmp,mnt,var,etc/iscsi,usr/sbin,lib/x86_64-linux-gnu} "$work/out"
  fetch_kernel
  depmod -b "$work/kernel" "$version"  # which reads compressed modules, as busybox does not
  copy_busybox "$boot"
  copy_modules "$boot" "${boot_modules[@]}"
  copy_busybox "$root"
  copy_modules "$root" "${boot_modules[@]}" "${modules[@]}"
  copy_tools
  copy_kernel
  (cd "$boot" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/out/initrd"
  mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$root" "$work/out/root" \
    $(($(du -sm "$root" | cut -f1) + 64))M >&2
  find "$cache" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
  mv "$work/out" "$image"
}

mkdir -p "$cache"
exec 9>"$cache/lock"; flock 9
[ -s "$image/root" ] || build
echo "$image"
