# What the Fibre Channel scripts share: qla2xxx loaded and online, and its disks. PORTS says how many adapters there are.
# shellcheck shell=sh disable=SC2154
. /job/lib.sh

ports_online() { [ "$(cat /sys/class/fc_host/host*/port_state 2>/dev/null | grep -c Online)" -ge "${1:-1}" ]; }

load_initiator() {  # the driver finds its adapters and the link comes up
  step "qla2xxx $MODULE_OPTIONS"
  # shellcheck disable=SC2086  # a list
  modprobe qla2xxx $MODULE_OPTIONS || fail "modprobe qla2xxx"
  wait_until 90 ports_online "${PORTS:-1}"
  for host in /sys/class/fc_host/host*; do
    echo "$(basename "$host"): $(cat "$host/port_name") $(cat "$host/port_id") $(cat "$host/port_type")" \
      "$(cat "$host/speed") $(cat "$host/symbolic_name")"
    [ "$(cat "$host/speed")" = "$SPEED" ] || fail "speed $(cat "$host/speed")"
    [ "$(cat "$host/port_type")" = "$PORT_TYPE" ] || fail "port type $(cat "$host/port_type")"
  done
}

no_complaints() {  # no_complaints [PATTERN]: the driver has said nothing bad but what is expected, and PATTERN
  dmesg | grep -iE 'qla2xxx.*(fail|error|timeout|invalid|unable|mismatch|dump)' |
    grep -viE "$EXPECTED_WARNINGS${1:+|$1}" && fail "the driver complains"
  return 0
}

disk() { disk_of_lun "${1:-$LUN}"; }
disk_at() {  # disk_at HOST WWPN LUN: the sdX that this host has of this target
  for remote in /sys/class/fc_remote_ports/rport-"$1":*; do
    [ "$(cat "$remote/port_name" 2>/dev/null)" = "0x$2" ] || continue
    for found in /sys/bus/scsi/devices/"$1":*:"$(cat "$remote/scsi_target_id")":"$3"/block/*; do
      [ -e "$found" ] && basename "$found" && return 0
    done
  done
  return 1
}
disk_when_there() {  # as disk_at; a port that logs in anew has none for a moment
  tries=300
  until disk_at "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.2
  done
}
identity() { echo "$(cat "/sys/block/$1/device/wwid")"; }
writes_and_reads() {  # writes_and_reads SDX WORD: 4 KiB at the disk's end
  yes "$2" | head -c 4096 | dd of="/dev/$1" bs=4k seek=1000 oflag=direct conv=fsync 2>/dev/null && holds "$1" "$2"
}
holds() {  # holds SDX WORD: what writes_and_reads left
  dd if="/dev/$1" bs=4k skip=1000 count=1 iflag=direct 2>/dev/null | head -c 4096 >/tmp/read
  yes "$2" | head -c 4096 | cmp -s - /tmp/read
}

multipath_of() {  # multipath_of SDX...: /dev/mapper/paths over them
  modprobe dm_multipath && modprobe dm_round_robin || fail "no dm_multipath"
  table="0 $(cat "/sys/block/$1/size") multipath 1 queue_if_no_path 0 1 1 round-robin 0 $# 1"
  for path in "$@"; do table="$table $(cat "/sys/block/$path/dev") 1"; done
  dmsetup --noudevrules --noudevsync create paths --table "$table" || fail "dmsetup: $table"
  dmsetup --noudevsync mknodes paths
  wait_until 10 test -b /dev/mapper/paths
}
failed_paths() { [ "$(dmsetup status paths | tr ' ' '\n' | grep -cx F)" = "$1" ]; }  # so many, no more
reinstate() {  # reinstate SDX...: each path, when its remote port is back
  for path in "$@"; do
    wait_until 60 running "$path"
    dmsetup message paths 0 "reinstate_path $(cat "/sys/block/$path/dev")"
  done
  sleep 1
  failed_paths 0 || fail "a path failed again"
}
running() { [ "$(cat "/sys/block/$1/device/state")" = running ] && reads_anything "$1"; }
reads_anything() { dd if="/dev/$1" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; }
sectors_written() { awk '{print $7}' "$1"; }
moves() {  # moves STAT: more is written while we watch
  before=$(sectors_written "$1")
  sleep 0.5
  [ "$(sectors_written "$1")" -gt "$before" ]
}

wait_for_disk() { wait_until "${1:-60}" disk; }

verified_fio() {  # verified_fio NAME OPTIONS...
  name=$1
  shift
  fio --name="$name" --verify=crc32c --verify_fatal=1 --do_verify=1 --ioengine=libaio --direct=1 --output-format=terse \
    "$@" >"/tmp/fio-$name" 2>&1 || { cat "/tmp/fio-$name"; fail "fio $name"; }
}
