# The target daemon ends and comes back, in order and as by a crash, while a file system writes: it sees no error.
. /job/lib.sh
connect
disk=/dev/$(disk_of_lun "$LUN")
mkfs.ext4 -q -F "$disk" || fail "mkfs.ext4"
mount "$disk" /mnt || fail "mount"
dmesg -c >/dev/null

restarts=0
back() {  # the disk has told as often as the daemon began anew that it was reset, and the session is there
  [ "$(dmesg | grep -c 'Power-on or device reset occurred')" -ge "$restarts" ] &&
    grep -q LOGGED_IN /sys/class/iscsi_session/session*/state
}

step "fio while the daemon restarts"
fio --name=verify --directory=/mnt --rw=randwrite --bs=16k --size=24m --iodepth=8 --ioengine=libaio --direct=1 \
  --rate_iops=60 --loops=100 --time_based --runtime=30 --verify=crc32c --verify_fatal=1 --verify_backlog=256 \
  --output-format=terse >/tmp/fio 2>&1 &
load=$!
sleep 4
for how in restart crash restart; do
  step "$how under I/O"
  ask "$how"
  restarts=$((restarts + 1))
  wait_until 30 back
  sleep 3
  kill -0 $load || { cat /tmp/fio; fail "fio ended early"; }
done
step "fio to end and verify"
wait $load || { cat /tmp/fio; fail "fio"; }
cat /tmp/fio
no_disk_errors
umount /mnt || fail "umount"
fsck.ext4 -f -n "$disk" || fail "fsck is not clean"
log_out
