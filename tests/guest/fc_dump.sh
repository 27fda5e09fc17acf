# The firmware of our adapter crashes: the driver dumps it by the template of its image. What it keeps is as long as the
# template says, and has registers, queues and memory in it. Then the disk is there again.
. /job/fc_lib.sh
load_initiator
wait_for_disk
dump=/sys/class/scsi_host/host0/device/fw_dump
step "crash"
ask san crash hba0
dumped() { dmesg | grep -q 'Firmware dump saved'; }
wait_until 60 dumped
wait_until 60 writes_and_reads "$(disk)" after
echo 1 >$dump  # it may be read
cat $dump >/tmp/dump
size=$(stat -c %s /tmp/dump)
echo 0 >$dump  # and forgotten

step "$size bytes of dump"
hexdump -v -e '1/4 "%u\n"' /tmp/dump | awk -v size="$size" '
  function bad(what) { print "dump: " what; failed = 1; exit 1 }
  { word[NR - 1] = $1 }
  END {
    if (failed || word[0] != 99) bad("it does not begin with a template")
    at = word[1] / 4
    data = word[2] / 4
    for (left = word[4]; left > 0; left--) {
      type = word[at]
      seen[type]++
      if (type == 256) {  # address and value of each register
        count = int(word[at + 5] / 256) % 65536
        if (word[data] != word[at + 4]) bad("the first register is " word[data])
        if (word[at + 4] == 0) mailbox0 = word[data + 1]
        data += 2 * count
      } else if (type == 260) {
        data += 2
      } else if (type == 262) {
        if (word[at + 5] == 1048576) loaded = word[data + 2]
        data += word[at + 6] - word[at + 5] + 1
      } else if (type == 263) {  # number and length of each queue, then its entries
        for (queue = word[at + 4]; queue > 0; queue--) data += 1 + 16 * int(word[data] / 65536)
      } else if (type == 269) {
        data += 5
      } else if (type == 274) {
        data += 2 * word[at + 4]
      }
      at += word[at + 1] / 4
    }
    for (kind in seen) printf "%d entries of type %d\n", seen[kind], kind
    if (type != 255) bad("it ends with an entry " type)
    if (data * 4 != size) bad("its entries are of " data * 4 " bytes")
    if (mailbox0 != 32770) bad("mailbox 0 was " mailbox0)
    if (loaded != 1048576) bad("the firmware in memory is not the one that was loaded: " loaded)
    if (seen[263] != 2 || seen[274] != 2 || seen[262] != 2) bad("entries are missing")
  }' || fail "the dump is not what the template says"
