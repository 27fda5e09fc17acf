# sg3_utils on one disk: INQUIRY, VPD, opcodes, persistent reservations, UNMAP, WRITE SAME, COMPARE AND WRITE, resets.
. /job/lib.sh
connect
disk=/dev/$(disk_of_lun "$LUN")

pattern() { head -c "$2" /dev/zero | tr '\0' "$1"; }
blocks_are() {  # blocks_are LBA COUNT BYTE: the medium holds the byte there
  pattern "$3" $(($2 * 512)) >/tmp/want
  dd if="$disk" of=/tmp/have bs=512 skip="$1" count="$2" iflag=direct 2>/dev/null || fail "read at $1"
  cmp /tmp/want /tmp/have || fail "blocks $1+$2 do not hold what they should"
}
fill() {  # fill LBA COUNT BYTE
  pattern "$3" $(($2 * 512)) | dd of="$disk" bs=512 seek="$1" count="$2" oflag=direct iflag=fullblock 2>/dev/null ||
    fail "write at $1"
}
expect() {  # expect STATUS COMMAND...
  want=$1
  shift
  "$@"
  got=$?
  [ "$got" = "$want" ] || fail "exit $got instead of $want from: $*"
}

step "sg_inq, sg_vpd, sg_readcap, sg_luns, sg_modes"
expect 0 sg_inq "$disk"
expect 0 sg_inq --page=0x83 "$disk"
expect 0 sg_vpd --all "$disk"
expect 0 sg_readcap --16 "$disk"
expect 0 sg_luns "$disk"
expect 0 sg_modes --all "$disk"
expect 0 sg_requests "$disk"
expect 0 sg_turs "$disk"

step "sg_opcodes"
expect 0 sg_opcodes --rctd "$disk" >/tmp/opcodes
cat /tmp/opcodes
for name in "Read(16)" "Write(16)" "Unmap" "Persistent reserve out, register"; do
  lacks opcodes || grep -qF "$name" /tmp/opcodes || fail "sg_opcodes does not list $name"
done
lacks opcodes || expect 0 sg_opcodes --mask --opcode=0x88 "$disk"

step "sg_persist"
expect 0 sg_persist --out --register --param-sark=0xabc123 "$disk"
expect 0 sg_persist --out --reserve --param-rk=0xabc123 --prout-type=5 "$disk"
sg_persist --in --read-keys "$disk" | tee /tmp/keys
grep -q 0xabc123 /tmp/keys || fail "the key is not registered"
sg_persist --in --read-reservation "$disk" | tee /tmp/reservation
grep -q "Write Exclusive, registrants only" /tmp/reservation || fail "not reserved"
lacks full_status || expect 0 sg_persist --in --read-full-status "$disk"
expect 0 sg_persist --in --report-capabilities "$disk"
lacks key_check || expect 24 sg_persist --out --reserve --param-rk=0xdef --prout-type=5 "$disk"  # reservation conflict
expect 0 sg_persist --out --release --param-rk=0xabc123 --prout-type=5 "$disk"
expect 0 sg_persist --out --register --param-rk=0xabc123 --param-sark=0 "$disk"

step "sg_write_same"
fill 0 256 A
pattern B 512 >/tmp/block
expect 0 sg_write_same --16 --lba=16 --num=32 --in=/tmp/block --xferlen=512 "$disk"
blocks_are 0 16 A
blocks_are 16 32 B
blocks_are 48 16 A
expect 0 sg_write_same --16 --unmap --lba=64 --num=16 --xferlen=512 "$disk"
blocks_are 64 16 '\0'
lacks ndob || { expect 0 sg_write_same --16 --ndob --lba=80 --num=16 "$disk"; blocks_are 80 16 '\0'; }
blocks_are 96 16 A

step "sg_unmap"
expect 0 sg_unmap --force --lba=128,200 --num=8,3 "$disk"
blocks_are 120 8 A
blocks_are 128 8 '\0'
blocks_are 136 64 A
blocks_are 200 3 '\0'
blocks_are 203 5 A
lacks lba_status || expect 0 sg_get_lba_status --lba=128 "$disk"

step "sg_compare_and_write"
if ! lacks compare_and_write; then
  { pattern A 512; pattern C 512; } >/tmp/pair
  expect 0 sg_compare_and_write --lba=0 --num=1 --in=/tmp/pair --xferlen=1024 "$disk"
  blocks_are 0 1 C
  expect 14 sg_compare_and_write --lba=0 --num=1 --in=/tmp/pair --xferlen=1024 "$disk"  # miscompare
  blocks_are 0 1 C
  blocks_are 1 15 A
fi

step "sg_verify, sg_sync, sg_prefetch"
expect 0 sg_verify --16 --lba=0 --count=256 "$disk"
expect 0 sg_sync "$disk"

step "sg_reset of the logical unit and of the target under I/O"
fio --name=load --filename="$disk" --rw=randrw --bs=4k --iodepth=8 --ioengine=libaio --direct=1 --time_based \
  --runtime=12 --size=32m --offset=1m --verify=0 --output-format=terse >/tmp/fio 2>&1 &
load=$!
sleep 2
expect 0 sg_reset --device "$disk"
sleep 2
lacks target_reset || expect 0 sg_reset --target "$disk"
wait $load || { cat /tmp/fio; fail "I/O failed across the resets"; }
blocks_are 48 16 A
no_disk_errors
log_out
