# A disk over Fibre Channel: found, written and read back raw, ext4, fio with CRC32C verify by 16 jobs, a clean fsck.
. /job/fc_lib.sh
load_initiator
wait_for_disk
device=/dev/$(disk)

step "4 MiB of random data, written and read back"
dd if=/dev/urandom of=/tmp/random bs=1M count=4 2>/dev/null
dd if=/tmp/random of="$device" bs=256k oflag=direct 2>/dev/null || fail "write"
echo 3 >/proc/sys/vm/drop_caches
dd if="$device" of=/tmp/back bs=256k count=16 iflag=direct 2>/dev/null || fail "read"
cmp /tmp/random /tmp/back || fail "read back is not what was written"

step "fio on the disk, 16 jobs"
verified_fio raw --filename="$device" --rw=randwrite --bsrange=512-128k --size=2m --offset_increment=2m --numjobs=16 \
  --iodepth=4 --thread --group_reporting

step "ext4"
mkfs.ext4 -q -F "$device" || fail "mkfs.ext4"
mount "$device" /mnt || fail "mount"
verified_fio files --directory=/mnt --rw=randwrite --bsrange=4k-64k --size=16m --nrfiles=4 --iodepth=8 --fallocate=none \
  --end_fsync=1
rm /mnt/files*
umount /mnt || fail "umount"
fsck.ext4 -f -n "$device" || fail "fsck is not clean"
no_disk_errors
# Without a fabric both ends log in, and on a busy machine they meet half-way: Linux then resets the link and starts anew.
case $PORT_TYPE in
  Point-To-Point*) no_complaints 'Async-(adisc|prli|logout) failed' ;;
  *) no_complaints ;;
esac
