// A configuration that uses everything, as text and secrets.
#pragma once

inline constexpr const char* kExampleConfig = R"(
[[lu]]
name = "disk0"
backstore = "file"
path = "/srv/disk0.img"
size = "10 GiB"
serial = "SN0001"
protection_type = 1
protection_path = "/srv/disk0.pi"
naa = "6024f42000000000aabbccddeeff0011"

[[lu]]
name = "scratch"
backstore = "ram"
size = "64 MiB"
block_size = 4096
write_cache = false
memory_limit = "32 MiB"

[[lu]]
name = "tape-like"
backstore = "block"
path = "/dev/sdx"
removable = true
write_protected = true
vendor = "ACME"
product = "DISK"
revision = "2"

[[portal]]
address = "127.0.0.1:3260"

[[portal]]
address = "[::1]:3261"
group = 2
redirect = "[2001:db8::7]:3260"
redirect_permanent = true

[[target]]
name = "iqn.2026-01.org.example:disks"
alias = "all disks"
portal_groups = [1, 2]
authentication = "chap"
users = ["alice"]
algorithms = ["sha256", "md5"]
initiators = ["iqn.2026-01.org.example:host-*"]
initiator_addresses = ["192.0.2.0/24", "::1"]
command_window = 64
max_sessions = 9
redirect = "storage.example.org:3260"
report_changes = false
error_recovery_level = 1
header_digest = "required"
data_digest = "none"
initial_r2t = true
immediate_data = false
max_recv_data_segment_length = 4096
max_burst_length = 8192
first_burst_length = 2048
max_outstanding_r2t = 3
default_time2wait = 5
default_time2retain = 60

[[target]]
name = "iqn.2026-01.org.example:open"

[[fc_port]]
name = "fc0"
device = "0000:3b:00.0"
initiators = ["21:00:00:24:ff:*"]
relative_port_id = 9
confirmed_completion = true
dual_role = true
report_changes = false

[[fc_port]]
name = "fc1"
device = "unix:/run/outboard/hba0"
wwpn = "50014380AABBCC01"
loop = true
queues = 2
enabled = false

[[host_group]]
name = "cluster"
initiators = ["iqn.2026-01.org.example:host-?", "21:00:00:24:ff:00:00:01"]

[[target_group]]
name = "front"
targets = ["iqn.2026-01.org.example:disks", "fc0"]

[[view]]
lu = "disk0"
lun = 0
host_group = "cluster"
target_group = "front"

[[view]]
lu = "scratch"
lun = 1
target_group = "iqn.2026-01.org.example:open"
read_only = true

[[user]]
name = "alice"
mutual_user = "outboard"

[discovery]
authentication = "chap"
users = ["alice"]
list_forbidden = true
list_other_portal_groups = false

[limits]
max_connections = 100
max_logins_per_peer = 8
login_timeout = "5s"
nop_interval = "0s"
nop_timeout = "2s"
)";

inline constexpr const char* kSecretOfAlice = "correct-horse-battery";
inline constexpr const char* kMutualSecretOfAlice = "staple-in-the-wall";
inline constexpr const char* kExampleSecrets = R"(
[alice]
secret = "correct-horse-battery"
mutual_secret = "staple-in-the-wall"
)";
