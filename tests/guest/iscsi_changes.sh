# A disk that grows and LUNs that come and go under a login: unit attentions arrive, rescans see the new state.
. /job/lib.sh
connect
disk=$(disk_of_lun "$LUN")
said() { dmesg | grep -qi "$1"; }
listed() { sg_luns --decode "/dev/$disk" | grep -q "lun=$1\$"; }
not_listed() { ! listed "$1"; }

step "resize"
if ! lacks resize; then
  before=$(cat "/sys/block/$disk/size")
  ask resize disk $((before * 512 * 2))
  dd if="/dev/$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || fail "read after resize"
  said "capacity data has changed" || fail "no unit attention 2A/09 after the resize"
  echo 1 >"/sys/block/$disk/device/rescan"
  [ "$(cat "/sys/block/$disk/size")" = $((before * 2)) ] || fail "the disk did not grow to $((before * 2)) sectors"
  dd if=/dev/urandom of=/tmp/tail bs=4k count=1 2>/dev/null
  last=$((before * 2 / 8 - 1))
  dd if=/tmp/tail of="/dev/$disk" bs=4k seek=$last oflag=direct 2>/dev/null || fail "write at the new end"
  dd if="/dev/$disk" of=/tmp/back bs=4k skip=$last iflag=direct 2>/dev/null || fail "read at the new end"
  cmp /tmp/tail /tmp/back || fail "the new end does not hold what was written"
fi

step "LUN $EXTRA_LUN added"
dmesg -c >/dev/null
ask add "$EXTRA_LUN"
dd if="/dev/$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || fail "read after the LUN was added"
said "LUN assignments on this target have changed" || fail "no unit attention 3F/0E after the LUN was added"
listed "$EXTRA_LUN" || fail "REPORT LUNS does not list the new LUN"
lacks change_report || wait_until 20 disk_of_lun "$EXTRA_LUN"  # an Async Message has iscsid scan
iscsiadm -m session --rescan >/dev/null || fail "rescan"
wait_until 10 disk_of_lun "$EXTRA_LUN"
extra=$(disk_of_lun "$EXTRA_LUN")
mkfs.ext4 -q -F "/dev/$extra" || fail "mkfs on the new LUN"

step "LUN $EXTRA_LUN removed"
dmesg -c >/dev/null
ask remove "$EXTRA_LUN"
dd if="/dev/$extra" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && fail "the removed LUN still answers reads"
dd if="/dev/$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || fail "the other LUN does not answer"
not_listed "$EXTRA_LUN" || fail "REPORT LUNS still lists the removed LUN"
said "LUN assignments on this target have changed" || lacks removal_attention ||
  fail "no unit attention 3F/0E after the LUN was removed"
echo 1 >"/sys/block/$extra/device/delete"
step "another segment length, and a request to negotiate"
if ! lacks negotiate; then
  dmesg -c >/dev/null
  dd if=/dev/urandom of=/tmp/data bs=64k count=4 2>/dev/null
  ask segment 4096
  dd if=/tmp/data of="/dev/$disk" bs=64k oflag=direct 2>/dev/null || fail "write before the request"
  ask negotiate
  # Linux's initiator drops its connection and logs in again; commands wait.
  dd if=/tmp/data of="/dev/$disk" bs=64k oflag=direct 2>/dev/null || fail "write after the request"
  dd if="/dev/$disk" of=/tmp/back bs=64k count=4 iflag=direct 2>/dev/null || fail "read after the request"
  cmp /tmp/data /tmp/back || fail "what was written after the request is not there"
  agreed() { [ "$(cat /sys/class/iscsi_connection/connection*/max_xmit_dlength)" = 4096 ]; }
  wait_until 20 agreed
  no_disk_errors
fi
step "logout"
log_out
