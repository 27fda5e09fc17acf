# What the scripts that run in the guest share. /job/env says where the target is; LACKS names what a peer cannot do.
# shellcheck shell=sh disable=SC2154
. /job/env

step() {  # names what is being done, to the host and on the console
  echo "step $*" >&7
  echo "== $*"
}

ask() {  # asks the host to act on the target; fails unless the answer is "done"
  echo "ask $*" >&7
  read -r answer <&7
  [ "$answer" = "done" ] || fail "the host answered '$answer' to '$*'"
}

fail() {
  echo "FAILED: $*"
  dmesg | tail -15
  exit 1
}

lacks() {  # true when the target under test has no such operation
  case " $LACKS " in *" $1 "*) echo "-- not on this target: $1" ;; *) return 1 ;; esac
}

wait_until() {  # wait_until SECONDS COMMAND...: polls the command until it succeeds
  limit=$1
  shift
  end=$(($(date +%s) + limit))
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || fail "waited $limit s for: $*"
    sleep 0.2
  done
}

start_initiator() {
  modprobe iscsi_tcp || fail "no iscsi_tcp"
  echo "InitiatorName=iqn.2026-01.org.example:guest" >/etc/iscsi/initiatorname.iscsi
  iscsid || fail "iscsid does not start"
  wait_until 10 iscsiadm -m iface
}

setting() { iscsiadm -m node -T "$IQN" -p "$PORTAL" -o update -n "$1" -v "$2" >/dev/null || fail "setting $1"; }

# The portal that discovery reports is an address of the host; here it is 10.0.2.2, so the node is made by hand.
make_node() {  # make_node SECRET MUTUAL_SECRET
  iscsiadm -m node -o new -T "$IQN" -p "$PORTAL" >/dev/null || fail "no node record"
  setting node.session.auth.authmethod CHAP
  setting node.session.auth.username "$CHAP_USER"
  setting node.session.auth.password "$1"
  setting node.session.auth.username_in "$MUTUAL_USER"
  setting node.session.auth.password_in "$2"
  setting 'node.conn[0].iscsi.HeaderDigest' CRC32C
  setting 'node.conn[0].iscsi.DataDigest' CRC32C
  setting node.session.auth.chap_algs "$CHAP_ALGORITHMS"
  setting node.session.initial_login_retry_max 2
}

log_in() {
  iscsiadm -m node -T "$IQN" -p "$PORTAL" --login || fail "login"
  wait_until 20 disk_of_lun "$LUN"
}

log_out() { iscsiadm -m node -T "$IQN" -p "$PORTAL" --logout || fail "logout"; }

connect() {
  start_initiator
  make_node "$CHAP_SECRET" "$MUTUAL_SECRET"
  log_in
}

disk_of_lun() {  # the sdX of a LUN
  for found in /sys/bus/scsi/devices/*:"$1"/block/*; do
    [ -e "$found" ] && basename "$found" && return 0
  done
  return 1
}

no_disk_errors() {
  if dmesg | grep -iE 'I/O error|EXT4-fs (error|warning)|medium error|offlined device'; then
    fail "errors in the kernel's log"
  fi
}
