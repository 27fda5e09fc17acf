# A disk with T10 protection information of type 1: checked by both adapters on all ways, with and without that of the
# initiator's block layer.
. /job/fc_lib.sh
. /job/sg_lib.sh
load_initiator
wait_for_disk
name=$(disk)
device=/dev/$name
[ "$(cat /sys/class/scsi_disk/*/protection_type)" = 1 ] || fail "the disk has no protection information"
kernel_says() { dmesg | grep -q "$1"; }
wait_until 10 kernel_says "Enabling DIF Type 1 protection"
integrity=/sys/block/$name/integrity
echo "integrity: $(cat "$integrity/format")"

for by_host in 1 0; do
  step "I/O, protection information by the block layer: $by_host"
  echo $by_host >"$integrity/write_generate"
  echo $by_host >"$integrity/read_verify"
  verified_fio "by_host_$by_host" --filename="$device" --rw=randwrite --bsrange=4k-64k --size=8m --iodepth=8
done
no_disk_errors
[ "$OURS" = 1 ] || exit 0

step "what the disk says of itself"
run 0 sg_readcap -16 "$device"
shows "prot_en=1, p_type=0, p_i_exponent=0"
run 0 sg_inq "$device"
shows "Protect=1"
run 0 sg_inq --page=ei "$device"
shows "SPT=0" "GRD_CHK=1" "REF_CHK=1"
for code in 1 2 3 4 5; do run 0 sg_verify --lba=0 --count=4096 --vrprotect=$code "$device"; done

step "information as it is on the wire"
run 0 sg_raw --request=133120 --outfile=/tmp/wire "$device" 28 20 00 00 00 00 00 01 00 00  # RDPROTECT = 001b
[ "$(stat -c %s /tmp/wire)" = $((256 * 520)) ] || fail "a block and its information are not 520 bytes"

step "a block with a wrong guard"
head -c 520 /dev/zero >/tmp/wrong  # application tag 0: it is checked
printf '\022\064' | dd of=/tmp/wrong bs=1 seek=512 conv=notrunc 2>/dev/null
printf '\060\071' | dd of=/tmp/wrong bs=1 seek=518 conv=notrunc 2>/dev/null
write_wrong() { sg_raw --send=520 --infile=/tmp/wrong "$device" 2a "$1" 00 00 30 39 00 00 01 00; }
write_wrong 20 >/tmp/out 2>&1 && fail "WRPROTECT = 001b took it"
cat /tmp/out
grep -qi "guard check failed" /tmp/out || fail "what was wrong was not told"
write_wrong 60 || fail "WRPROTECT = 011b did not take it"
run 40 sg_verify --lba=12345 --count=1 "$device"  # SG_LIB_CAT_PROTECTION
dd if="$device" of=/dev/null bs=512 skip=12345 count=1 iflag=direct 2>/dev/null && fail "the wrong block was read"
dmesg | grep -q "Logical block guard check failed" || fail "the kernel was not told"
dd if=/dev/zero of="$device" bs=512 seek=12345 count=1 oflag=direct 2>/dev/null || fail "it cannot be written again"
dd if="$device" of=/dev/null bs=512 skip=12345 count=1 iflag=direct 2>/dev/null || fail "it is still wrong"

step "the application tag is the initiator's"  # only then does Linux speak of DIX, when it finds the disk
dmesg -c >/dev/null
run 0 sg_wr_mode --page=0xa --contents=a,a,0,10,0,80,0,0,0,0,0,0 --mask=0,0,0,0,0,80,0,0,0,0,0,0 "$device"
echo 1 >"/sys/block/$(disk)/device/delete"
echo "- - -" >/sys/class/scsi_host/host0/scan
wait_for_disk
device=/dev/$(disk)
wait_until 10 kernel_says "Enabling DIX T10-DIF-TYPE1-[A-Z]*, application tag size 2 bytes"
verified_fio owned --filename="$device" --rw=randwrite --bsrange=4k-64k --size=4m --iodepth=8
no_disk_errors
