# A target serves a block device that logs what became stable and when; the host writes, then a file system does.
# shellcheck shell=sh disable=SC2154
. /job/lib.sh
trap "cat /tmp/log" EXIT
mark() { dmsetup message log 0 mark "$1" || fail "mark $1"; }

step "a disk that logs its writes"
modprobe dm_log_writes || fail "modprobe dm_log_writes"
dmsetup create log --table "0 $(blockdev --getsz /dev/vdb) log-writes /dev/vdb /dev/vdc" || fail "dmsetup create"
[ -e /dev/mapper/log ] || dmsetup mknodes

serve_outboard() {
  mkdir -p /run/outboard /tmp/state
  chmod 700 /run/outboard
  cat >/tmp/config.toml <<END
[[lu]]
name = "disk"
backstore = "block"
path = "/dev/mapper/log"
[[portal]]
address = "0.0.0.0:3260"
[[target]]
name = "$IQN"
[[view]]
lu = "disk"
lun = $LUN
END
  /job/loader --library-path /job /job/outboardd --socket /run/outboard/socket --config /tmp/config.toml \
    --state-dir /tmp/state --reactors 1 --seccomp kill >/tmp/log 2>&1 &
  daemon=$!
}

end_outboard() {
  kill $daemon
  wait $daemon || fail "outboardd ended with $?"
  cat /tmp/log
  grep -vE '^[^ ]+ (info|debug) ' /tmp/log && fail "outboardd complains"
}

. /job/power_peers.sh
step "$TARGET"
chmod +x /job/*
"serve_$TARGET"
wait_until 20 grep -qi ":0cbc " /proc/net/tcp

for round in $(seq "$ROUNDS"); do
  step "round $round of writes by the host"
  ask "round $round"
  mark "raw-$round"
done

step "a file system"
start_initiator
iscsiadm -m discovery -t sendtargets -p 127.0.0.1 >/dev/null || fail "discovery"
iscsiadm -m node -T "$IQN" -p 127.0.0.1 --login || fail "login"
wait_until 20 disk_of_lun "$LUN"
disk=/dev/$(disk_of_lun "$LUN")
mkfs.ext4 -q -F -E nodiscard "$disk" || fail "mkfs.ext4"
sync
mount "$disk" /mnt || fail "mount"
sync
mark filesystem
for number in $(seq "$FILES"); do
  step "file $number of $FILES"
  seq "$number" "$((number + 2000))" >"/mnt/file$number"
  mkdir "/mnt/folder$number" && mv "/mnt/file$number" "/mnt/folder$number/file"
  [ "$number" -lt 4 ] || rm -r "/mnt/folder$((number - 3))"
  sync
  mark "file-$number"
done
umount /mnt || fail "umount"
iscsiadm -m node -T "$IQN" -p 127.0.0.1 --logout || fail "logout"
no_disk_errors

step "the end"
"end_$TARGET"
dmsetup remove log || fail "dmsetup remove"
exit 0
