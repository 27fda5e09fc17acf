# sg3_utils on one disk, each output checked: INQUIRY, VPD, opcodes, persistent reservations of two nexuses, UNMAP,
# WRITE SAME, COMPARE AND WRITE, VERIFY, resets. What the kernel made of it is looked at in /sys.
. /job/lib.sh
. /job/sg_lib.sh
connect
name=$(disk_of_lun "$LUN")
disk=/dev/$name

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
queue() {  # queue ATTRIBUTE TEST...: what the kernel derived from the pages
  attribute=$(cat "/sys/block/$name/queue/$1")
  shift
  [ "$attribute" "$@" ] || fail "the kernel's view is '$attribute', not $*"
}

step "sg_inq"
run 0 sg_inq "$disk"
shows "PDT=0" "CmdQue=1"
serial=$(value "Unit serial number")
[ -n "$serial" ] || fail "no unit serial number"
lacks identity || shows "Vendor identification: OUTBOARD" "Product identification: VIRTUAL-DISK" "SPC-4"
run 0 sg_inq --page=0x83 "$disk"
shows "associated with the Addressed logical unit"
lacks identity || shows "Relative target port: 0x1" "$IQN,t,0x0001" "vendor specific: VIRTUAL-DISK $serial"

step "sg_vpd"
run 0 sg_vpd --page=sn "$disk"
[ "$(value "Unit serial number")" = "$serial" ] || fail "page 80h and INQUIRY tell different serial numbers"
run 0 sg_vpd --all "$disk"
if ! lacks identity; then
  shows "Supported VPD pages" "Unit serial number VPD" "Device Identification VPD" "extended INQUIRY data VPD" \
    "Mode page policy VPD" "SCSI Ports VPD" "Block limits VPD" "Block device characteristics VPD" \
    "Logical block provisioning VPD"
  shows "Maximum compare and write length: 255 blocks" "Maximum unmap block descriptor count: 256" \
    "HEADSUP=1 ORDSUP=1 SIMPSUP=1" "Unmap command supported (LBPU): 1" \
    "Write same (16) with unmap bit supported (LBPWS): 1" \
    "Logical block provisioning read zeros (LBPRZ): 1" "Provisioning type: 2 (thin provisioned)"
  wwid=$(cat "/sys/block/$name/device/wwid")
  shows "$wwid" "0x$(echo "${wwid#naa.}" | tr A-F a-f)"
fi

step "sg_readcap, sg_luns, sg_modes, sg_requests, sg_turs"
run 0 sg_readcap --16 "$disk"
shows "Number of logical blocks=$BLOCKS" "Logical block length=512 bytes" "lbpme=1"
run 0 sg_luns --decode "$disk"
shows "lun=$LUN"
run 0 sg_modes --all "$disk"
shows "WP=0" "Caching" "Control" "Informational exceptions control"
lacks identity || shows "DpoFua=1" "Read-Write error recovery"
run 0 sg_requests "$disk"
run 0 sg_turs "$disk"
lacks identity || queue write_cache = "write back"
lacks identity || queue fua -eq 1
queue discard_max_bytes -gt 0
lacks ndob || queue discard_granularity -ge 512

step "sg_opcodes"
lacks opcodes || run 0 sg_opcodes --rctd "$disk"
cut -c2-12 /tmp/out | tr -s ' ' | sed 's/ $//' >/tmp/opcodes
for opcode in 00 03 08 0a 12 15 16 17 1a 1b 1e 25 28 2a 2e 2f 34 35 37 41 42 55 56 57 5a 88 89 8a 8b 8e 8f 90 91 93 9c \
  a0 a8 aa ae af b7 "5e 0" "5e 1" "5e 2" "5e 3" "5f 0" "5f 1" "5f 2" "5f 3" "5f 4" "5f 5" "5f 6" "5f 7" \
  "9e 10" "9e 12" "a3 c" "a3 d"; do
  lacks opcodes >/dev/null || grep -qx "$opcode" /tmp/opcodes || fail "sg_opcodes does not list $opcode"
done
if ! lacks opcodes; then
  run 0 sg_opcodes --mask --opcode=0x88 "$disk"
  shows "Command is supported [conforming to SCSI standard]" "Usage data: 88 18 ff ff ff ff ff ff ff ff ff ff ff ff"
  run 0 sg_opcodes --opcode=0x9e,0x12 "$disk"
  shows "Command is supported"
  run 0 sg_opcodes --opcode=0x83 "$disk"  # EXTENDED COPY
  shows "Command is NOT supported"
  run 0 sg_opcodes --tmf "$disk"
  shows "Abort task" "Abort task set" "Clear task set" "I_T nexus reset" "Logical unit reset" "Query task" \
    "Query task set"
fi

step "sg_persist"
iscsiadm -m session -r 1 --op new >/dev/null || fail "a second session"
second() { ls -d /sys/bus/scsi/devices/*:"$LUN"/block/* | grep -v "/$name\$"; }
wait_until 20 second
other=/dev/$(basename "$(second)")
wait_until 10 test -b "$other"
lacks aptpl && aptpl='' || aptpl=--param-aptpl
persist 0 "$disk" --out --register --param-sark=0xabc123 $aptpl
persist 0 "$disk" --in --report-capabilities
lacks aptpl || shows "(PTPL_C): 1" "(PTPL_A): 1" "(SIP_C): 1" "(ATP_C): 1"
persist 0 "$disk" --out --reserve --param-rk=0xabc123 --prout-type=5
persist 0 "$disk" --in --read-reservation
shows "Key=0xabc123" "type: Write Exclusive, registrants only"
writes "$other" && fail "a nexus without registration writes"
dd if="$other" of=/dev/null bs=512 count=1 iflag=direct 2>/dev/null || fail "a nexus without registration does not read"
persist 0 "$other" --out --register --param-sark=0xdef456
persist 0 "$other" --in --read-keys
shows "2 registered reservation keys follow" 0xabc123 0xdef456
writes "$other" || fail "a registrant does not write"
if ! lacks full_status; then
  persist 0 "$disk" --in --read-full-status
  shows "Key=0xdef456" "<< Reservation holder >>" "iSCSI world wide unique port id: iqn.2026-01.org.example:guest,i,0x"
fi
lacks key_check || persist 24 "$disk" --out --reserve --param-rk=0xdef --prout-type=5  # reservation conflict
persist 0 "$other" --out --preempt --param-rk=0xdef456 --param-sark=0xabc123 --prout-type=1
persist 0 "$other" --in --read-reservation
shows "Key=0xdef456" "type: Write Exclusive"
persist 0 "$other" --in --read-keys
shows "1 registered reservation key follows" 0xdef456
lacks preempt_attention || run 6 sg_turs "$disk"  # REGISTRATIONS PREEMPTED, once
writes "$disk" && fail "a preempted nexus writes"
persist 0 "$other" --out --release --param-rk=0xdef456 --prout-type=1
writes "$disk" || fail "a released disk does not take writes"
persist 0 "$other" --out --clear --param-rk=0xdef456
persist 0 "$disk" --in --read-keys
shows "there are NO registered reservation keys"
iscsiadm -m session -r 2 --logout >/dev/null || fail "logout of the second session"

step "sg_write_same"
fill 0 256 A
pattern B 512 >/tmp/block
run 0 sg_write_same --16 --lba=16 --num=32 --in=/tmp/block --xferlen=512 "$disk"
blocks_are 0 16 A
blocks_are 16 32 B
blocks_are 48 16 A
run 0 sg_write_same --10 --lba=48 --num=4 --in=/tmp/block --xferlen=512 "$disk"
blocks_are 48 4 B
run 0 sg_write_same --16 --unmap --lba=64 --num=16 --xferlen=512 "$disk"
blocks_are 64 16 '\0'
lacks ndob || { run 0 sg_write_same --16 --ndob --lba=80 --num=16 "$disk"; blocks_are 80 16 '\0'; }
blocks_are 96 16 A
last_block=$((BLOCKS - 1))
lacks ndob || run 22 sg_write_same --16 --lba=$last_block --num=2 --in=/tmp/block --xferlen=512 "$disk"  # out of range

step "sg_unmap"
run 0 sg_unmap --force --lba=128,200 --num=8,3 "$disk"
blocks_are 120 8 A
blocks_are 128 8 '\0'
blocks_are 136 64 A
blocks_are 200 3 '\0'
blocks_are 203 5 A
if ! lacks lba_status; then
  run 0 sg_get_lba_status --lba=128 "$disk"
  shows "LBA: 0x0000000000000080 blocks: 8 deallocated"
  run 0 sg_get_lba_status --lba=0 "$disk"
  shows "LBA: 0x0000000000000000 blocks: 64 mapped"
fi

step "sg_compare_and_write"
if ! lacks compare_and_write; then
  { pattern A 512; pattern C 512; } >/tmp/pair
  run 0 sg_compare_and_write --lba=0 --num=1 --in=/tmp/pair --xferlen=1024 "$disk"
  blocks_are 0 1 C
  run 14 sg_compare_and_write --lba=0 --num=1 --in=/tmp/pair --xferlen=1024 "$disk"  # miscompare
  shows "Miscompare at byte offset: 0"
  blocks_are 0 1 C
  blocks_are 1 15 A
fi

step "sg_verify, sg_sync"
run 0 sg_verify --16 --lba=0 --count=256 "$disk"
run 0 sg_verify --16 --lba=20 --count=1 --ndo=512 --in=/tmp/block "$disk"
lacks key_check || run 14 sg_verify --16 --lba=60 --count=1 --ndo=512 --in=/tmp/block "$disk"  # miscompare
run 0 sg_sync "$disk"
run 0 sg_sync --16 --lba=0 --count=8 "$disk"

step "sg_reset of the logical unit and of the target under I/O"
resets() { dmesg | grep -c 'Power-on or device reset occurred'; }
more_resets() { [ "$(resets)" -gt "$1" ]; }
fio --name=load --filename="$disk" --rw=randrw --bs=4k --iodepth=8 --ioengine=libaio --direct=1 --time_based \
  --runtime=12 --size=32m --offset=1m --verify=0 --output-format=terse >/tmp/fio 2>&1 &
load=$!
sleep 2
before=$(resets)
run 0 sg_reset --device "$disk"
lacks target_reset || wait_until 10 more_resets "$before"
sleep 2
before=$(resets)
lacks target_reset || { run 0 sg_reset --target "$disk"; wait_until 10 more_resets "$before"; }
wait $load || { cat /tmp/fio; fail "I/O failed across the resets"; }
lacks target_reset || ! dmesg | grep -i 'conn error' || fail "a reset ended the session"
blocks_are 52 12 A
no_disk_errors
log_out
