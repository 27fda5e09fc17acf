# The unmodified Linux target (tcm_qla2xxx) on a model: a RAM disk for whoever logs in, until the host says enough.
. /job/fc_lib.sh
step "qla2xxx in target mode"
modprobe configfs
mount -t configfs none /sys/kernel/config || fail "configfs"
modprobe qla2xxx qlini_mode=disabled || fail "modprobe qla2xxx"
modprobe tcm_qla2xxx || fail "modprobe tcm_qla2xxx"
wait_until 60 test -e /sys/class/fc_host/host0/port_name
name=$(sed 's/0x//; s/../&:/g; s/:$//' /sys/class/fc_host/host0/port_name)

target=/sys/kernel/config/target
mkdir -p "$target/core/rd_mcp_0/ram" || fail "rd_mcp"
echo "rd_pages=16384" >"$target/core/rd_mcp_0/ram/control"
echo 1 >"$target/core/rd_mcp_0/ram/enable" || fail "the RAM disk does not start"
if [ "$PROTECTION" = 1 ]; then  # type 1, in memory beside the blocks
  echo 1 >"$target/core/rd_mcp_0/ram/attrib/pi_prot_type" || fail "no protection information"
fi
group=$target/qla2xxx/$name/tpgt_1
mkdir -p "$group/lun/lun_0" || fail "no target $name"
ln -s "$target/core/rd_mcp_0/ram" "$group/lun/lun_0/ram" || fail "lun_0"
echo 1 >"$group/attrib/generate_node_acls"
echo 0 >"$group/attrib/demo_mode_write_protect"
echo 0 >"$group/attrib/demo_mode_login_only"
echo 1 >"$group/enable" || fail "enable"
step "serving"
ask serving  # answered when the initiator has finished
dmesg | tail -30
