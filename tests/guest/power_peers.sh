# Other targets in the place of outboardd, for power_loss.sh: what becomes stable below them, and when.
# shellcheck shell=sh disable=SC2154

serve_tgt() {
  run() {
    program=$1
    shift
    /job/loader --library-path /job "/job/$program" "$@"
  }
  mkdir -p /run/tgtd
  /job/loader --library-path /job /job/tgtd -f --iscsi portal=0.0.0.0:3260 >/tmp/log 2>&1 &
  daemon=$!
  wait_until 20 run tgtadm --lld iscsi --mode system --op show
  for words in "--mode target --op new -T $IQN" "--mode logicalunit --op new --lun $LUN -b /dev/mapper/log" \
    "--mode target --op bind -I ALL"; do
    # shellcheck disable=SC2086  # words
    run tgtadm --lld iscsi --tid 1 $words || fail "tgtadm $words"
  done
}

end_tgt() { kill -9 "$daemon"; wait "$daemon"; }  # it does not end on SIGTERM

serve_lio() {
  modprobe configfs
  mount -t configfs none /sys/kernel/config || fail "configfs"
  for module in target_core_mod target_core_iblock iscsi_target_mod; do modprobe $module || fail "modprobe $module"; done
  device=/sys/kernel/config/target/core/iblock_0/disk
  group=/sys/kernel/config/target/iscsi/$IQN/tpgt_1
  mkdir -p /var/target/pr "$device" "$group/np/0.0.0.0:3260" "$group/lun/lun_$LUN" || fail "no target $IQN"
  echo "udev_path=/dev/mapper/log" >"$device/control"
  echo 1 >"$device/enable" || fail "the disk does not start"
  ln -s "$device" "$group/lun/lun_$LUN/disk" || fail "lun_$LUN"
  for setting in generate_node_acls=1 cache_dynamic_acls=1 demo_mode_write_protect=0 authentication=0; do
    echo "${setting#*=}" >"$group/attrib/${setting%=*}" || fail "$setting"
  done
  echo 1 >"$group/enable" || fail "enable"
}

end_lio() {
  echo 0 >"$group/enable"
  rm "$group/lun/lun_$LUN/disk"
  rmdir "$group/lun/lun_$LUN" "$group/np/0.0.0.0:3260" "$group" "${group%/*}" "$device"
}
