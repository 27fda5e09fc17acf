# outboardd hands over to a new process, again and again, while a file system writes: the initiator notices nothing.
. /job/lib.sh
connect
disk=/dev/$(disk_of_lun "$LUN")
mkfs.ext4 -q -F "$disk" || fail "mkfs.ext4"
mount "$disk" /mnt || fail "mount"
session=$(ls -d /sys/class/iscsi_session/session*)
dmesg -c >/dev/null

step "fio while the daemon hands over"
fio --name=verify --directory=/mnt --rw=randwrite --bs=16k --size=24m --iodepth=8 --ioengine=libaio --direct=1 \
  --rate_iops=60 --loops=100 --time_based --runtime=24 --verify=crc32c --verify_fatal=1 --verify_backlog=256 \
  --output-format=terse >/tmp/fio 2>&1 &
load=$!
sleep 4
for turn in 1 2 3 4; do
  step "upgrade $turn under I/O"
  ask upgrade
  sleep 3
  kill -0 $load || { cat /tmp/fio; fail "fio ended early"; }
  grep -q LOGGED_IN "$session/state" || fail "the session is $(cat "$session/state")"
done
step "fio to end and verify"
wait $load || { cat /tmp/fio; fail "fio"; }
cat /tmp/fio
no_disk_errors
if dmesg | grep -iE 'conn error|session recovery|reset occurred|iscsi.*error|NOP timeout'; then
  fail "the initiator noticed"
fi
[ "$(ls -d /sys/class/iscsi_session/session*)" = "$session" ] || fail "another session than before"
umount /mnt || fail "umount"
fsck.ext4 -f -n "$disk" || fail "fsck is not clean"
log_out
