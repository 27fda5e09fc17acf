# Discovery, refusals, login with mutual CHAP and both digests, ext4, fio with CRC32C verify, a clean fsck, logout.
. /job/lib.sh

verified_fio() {
  fio --directory=/mnt --verify=crc32c --verify_fatal=1 --do_verify=1 --output-format=terse "$@" >/tmp/fio ||
    { cat /tmp/fio; fail "fio"; }
}

step "discovery"
start_initiator
iscsiadm -m discovery -t sendtargets -p "$PORTAL" | tee /tmp/found || fail "discovery"
grep -q "$IQN" /tmp/found || fail "discovery does not name $IQN"
iscsiadm -m node -o delete >/dev/null 2>&1

step "login with a wrong secret"
make_node "wrong-$CHAP_SECRET" "$MUTUAL_SECRET"
iscsiadm -m node -T "$IQN" -p "$PORTAL" --login && fail "a wrong secret was accepted"
step "login to a target that proves itself with another secret"
setting node.session.auth.password "$CHAP_SECRET"
setting node.session.auth.password_in "wrong-$MUTUAL_SECRET"
iscsiadm -m node -T "$IQN" -p "$PORTAL" --login && fail "the target's wrong proof was accepted"

step "login with mutual CHAP, header and data digest"
setting node.session.auth.password_in "$MUTUAL_SECRET"
log_in
iscsiadm -m session -P 2 >/tmp/session
for digest in HeaderDigest DataDigest; do
  grep -q "$digest: CRC32C" /tmp/session || { cat /tmp/session; fail "$digest is not in use"; }
done
disk=/dev/$(disk_of_lun "$LUN")

step "mkfs.ext4"
mkfs.ext4 -q -F "$disk" || fail "mkfs.ext4"
mount "$disk" /mnt || fail "mount"
step "fio on the file system"
verified_fio --name=verify --rw=randwrite --bsrange=4k-64k --size=24m --nrfiles=4 --iodepth=8 --ioengine=libaio \
  --direct=1 --fallocate=none --end_fsync=1
step "fio with buffered writes and trim"
verified_fio --name=buffered --rw=write --bs=32k --size=8m
rm /mnt/verify*
sync
fstrim /mnt || fail "fstrim"
umount /mnt || fail "umount"
step "fsck"
fsck.ext4 -f -n "$disk" || fail "fsck is not clean"
no_disk_errors
step "logout"
log_out
[ ! -e "/sys/block/$(basename "$disk")" ] || fail "the disk is still there after logout"
