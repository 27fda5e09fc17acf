# The kernel's own target (LIO) with its iSCSI fabric, for initiators of the host, which answers `ask next` with a command.
# shellcheck shell=sh disable=SC2154
. /job/lib.sh
step "the kernel's target"
modprobe configfs
mount -t configfs none /sys/kernel/config || fail "configfs"
for module in target_core_mod target_core_file iscsi_target_mod; do modprobe $module || fail "modprobe $module"; done
core=/sys/kernel/config/target/core
group=/sys/kernel/config/target/iscsi/$IQN/tpgt_1
mkdir -p /var/target/pr "$group/np/0.0.0.0:3260" || fail "no target $IQN"
for setting in generate_node_acls=1 cache_dynamic_acls=1 demo_mode_write_protect=0 authentication=0; do
  echo "${setting#*=}" >"$group/attrib/${setting%=*}" || fail "$setting"
done
echo 1 >"$group/enable" || fail "enable"

# make NAME MIB: a disk that can unmap, on a file in memory.
make() {
  mkdir -p "$core/fileio_0/$1" && truncate -s "$2M" "/tmp/$1" &&
    echo "fd_dev_name=/tmp/$1,fd_dev_size=$(($2 << 20))" >"$core/fileio_0/$1/control" &&
    echo 1 >"$core/fileio_0/$1/enable" && echo "$1" >"$core/fileio_0/$1/wwn/vpd_unit_serial" &&
    echo 1 >"$core/fileio_0/$1/attrib/emulate_tpu" && echo 1 >"$core/fileio_0/$1/attrib/emulate_tpws"
}

# map LUN NAME
map() { mkdir "$group/lun/lun_$1" && ln -s "$core/fileio_0/$2" "$group/lun/lun_$1/$2"; }
unmap() { rm "$group/lun/lun_$1/"* ; rmdir "$group/lun/lun_$1"; }

status=0
while :; do
  echo "ask next $status" >&7
  read -r words <&7
  [ "$words" != "exit" ] || exit 0
  $words
  status=$?
done
