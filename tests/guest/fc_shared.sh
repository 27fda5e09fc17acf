# One disk by two fabrics and three nexuses: two adapters here and an iSCSI session. sg_* tools, one reservation state,
# who sees what by WWPN, LUNs that come and go.
# shellcheck disable=SC2154
. /job/fc_lib.sh
. /job/sg_lib.sh
disk_by() {  # disk_by HOST [LUN]: the sdX
  for found in /sys/bus/scsi/devices/"$1":*:"${2:-$LUN}"/block/*; do
    [ -e "$found" ] && basename "$found" && return 0
  done
  return 1
}
target_seen_by() {
  for port in /sys/class/fc_remote_ports/rport-"$1":*; do
    grep -q Target "$port/roles" && grep -q Online "$port/port_state" && return 0
  done
  return 1
}
not_seen_by() { ! target_seen_by "$1"; }
scan() { echo "- - -" >"/sys/class/scsi_host/host$1/scan"; }
load_initiator
name_of() { sed 's/0x//; s/../&:/g; s/:$//' "/sys/class/fc_host/host$1/port_name"; }
first=$(name_of 0) second=$(name_of 1)

ask tgtctl port modify fc0 --no-report-changes  # who logs in anew has other unit attention conditions; see fc_changes.sh

step "who is in the view sees the disk, who is not sees nothing"
wait_until 30 target_seen_by 0
wait_until 30 target_seen_by 1
scan 0
scan 1
[ ! -e /sys/block/sda ] || fail "a disk before there is a view"
ask tgtctl host-group create ours --initiators "$first,iqn.2026-01.org.example:guest"
ask tgtctl view add disk --lun "$LUN" --host-group ours
scan 0
wait_until 20 disk_by 0
scan 1
disk_by 1 && fail "$second sees a disk that is mapped to $first"
name=$(disk_by 0)
disk=/dev/$name

step "sg_inq, sg_vpd, sg_readcap, sg_luns, sg_modes, sg_requests, sg_turs"
run 0 sg_inq "$disk"
shows "PDT=0" "CmdQue=1" "Vendor identification: OUTBOARD"
serial=$(value "Unit serial number")
run 0 sg_vpd --page=di "$disk"
shows "Relative target port: 0x" "$(echo "$TARGET" | tr -d :)" "vendor specific: VIRTUAL-DISK $serial"
run 0 sg_vpd --all "$disk"
shows "SCSI Ports VPD" "Block limits VPD" "Logical block provisioning VPD"
run 0 sg_readcap --16 "$disk"
shows "Logical block length=512 bytes" "lbpme=1"
run 0 sg_luns --decode "$disk"
shows "lun=$LUN"
run 0 sg_modes --all "$disk"
shows "Caching" "Control"
run 0 sg_requests "$disk"
run 0 sg_turs "$disk"

step "the same disk by iSCSI, and by the other adapter"
start_initiator
iscsiadm -m node -o new -T "$IQN" -p "$PORTAL" >/dev/null || fail "no node record"
iscsiadm -m node -T "$IQN" -p "$PORTAL" --login >/dev/null || fail "login"
iscsi_host() { basename "$(ls -d /sys/class/iscsi_host/host* | head -1)" | tr -dc 0-9; }
wait_until 20 disk_by "$(iscsi_host)"
other=/dev/$(disk_by "$(iscsi_host)")
ask tgtctl host-group modify ours --initiators "$first,$second,iqn.2026-01.org.example:guest"
scan 1
wait_until 20 disk_by 1
third=/dev/$(disk_by 1)
[ "$(cat "/sys/block/$name/device/wwid")" = "$(cat "/sys/block/$(basename "$other")/device/wwid")" ] || fail "two names"
dd if=/dev/urandom of=/tmp/random bs=64k count=1 2>/dev/null
dd if=/tmp/random of="$disk" bs=64k seek=7 oflag=direct 2>/dev/null || fail "write by Fibre Channel"
for path in "$other" "$third"; do
  dd if="$path" of=/tmp/back bs=64k skip=7 count=1 iflag=direct 2>/dev/null || fail "read by $path"
  cmp /tmp/random /tmp/back || fail "$path does not see what was written"
done

step "one reservation state"
persist 0 "$disk" --out --register --param-sark=0xabc123 --param-aptpl
persist 0 "$other" --out --register --param-sark=0xdef456
persist 0 "$disk" --out --reserve --param-rk=0xabc123 --prout-type=5  # write exclusive, registrants only
persist 0 "$other" --in --read-reservation
shows "Key=0xabc123" "type: Write Exclusive, registrants only"
writes "$other" || fail "the iSCSI registrant does not write"
writes "$third" && fail "an adapter without registration writes"
persist 24 "$third" --out --reserve --param-rk=0 --prout-type=5  # reservation conflict
persist 0 "$other" --in --read-full-status
shows "Key=0xabc123" "Key=0xdef456" "<< Reservation holder >>" "not reservation holder" "iqn.2026-01.org.example:guest,i,0x"
tr -d ' \n' </tmp/out | grep -qi "$(echo "$first" | tr -d :)" || fail "no TransportID of $first"
persist 0 "$other" --out --preempt --param-rk=0xdef456 --param-sark=0xabc123 --prout-type=1  # write exclusive
run 6 sg_turs "$disk"  # REGISTRATIONS PREEMPTED, once
writes "$disk" && fail "a preempted nexus writes"
persist 0 "$other" --out --release --param-rk=0xdef456 --prout-type=1
writes "$disk" || fail "a released disk does not take writes"
# By TransportID: an adapter is registered and given the reservation by another nexus.
id=$(echo "$first" | sed 's/:/,/g')
persist 0 "$other" --out --reserve --param-rk=0xdef456 --prout-type=1
persist 0 "$other" --out --register-move --param-rk=0xdef456 --param-sark=0x777 --relative-target-port="$RELATIVE_PORT" \
  --transport-id="0,0,0,0,0,0,0,0,$id,0,0,0,0,0,0,0,0"
persist 0 "$disk" --in --read-reservation
shows "Key=0x777" "type: Write Exclusive"
writes "$disk" || fail "the adapter that was given the reservation does not write"
writes "$other" && fail "iSCSI writes after it gave the reservation away"
persist 0 "$disk" --out --clear --param-rk=0x777
writes "$third" || fail "a cleared disk does not take writes"
iscsiadm -m node -T "$IQN" -p "$PORTAL" --logout >/dev/null || fail "logout"

step "a LUN comes and goes while we watch"
said() { dmesg | grep -qi "LUN assignments on this target have changed"; }
touch_disk() { dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || fail "read"; said; }
dmesg -c >/dev/null
ask tgtctl view add extra --lun 5 --host-group ours
wait_until 10 touch_disk
scan 0
wait_until 10 disk_by 0 5
mkfs.ext4 -q -F "/dev/$(disk_by 0 5)" || fail "mkfs on the new LUN"
dmesg -c >/dev/null
ask tgtctl view remove extra --lun 5 --host-group ours
wait_until 10 touch_disk
dd if="/dev/$(disk_by 0 5)" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && fail "the removed LUN still reads"
sg_luns --decode "$disk" | grep -q 'lun=5$' && fail "REPORT LUNS still lists the removed LUN"
dmesg | grep "I/O error, dev $name" && fail "errors on the disk that stayed"

step "a WWPN that may not log in any more"
ask tgtctl port modify fc0 --initiators "$first"
wait_until 20 not_seen_by 1
target_seen_by 0 || fail "$first has lost the target, too"
run 0 sg_turs "$disk"
ask tgtctl port modify fc0 --initiators "*"
wait_until 60 target_seen_by 1
