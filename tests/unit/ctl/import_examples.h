// Configurations as the three tools write them, for tests of the import.
#pragma once

namespace ctl {

inline constexpr char kSaveConfig[] = R"json({
  "fabric_modules": [{"discovery_enable_auth": true, "discovery_userid": "finder", "discovery_password": "find-them-all-1",
                      "name": "iscsi"}],
  "storage_objects": [
    {"aio": false, "alua_tpgs": [{"name": "default_tg_pt_gp", "tg_pt_gp_id": 0}, {"name": "slow", "tg_pt_gp_id": 1}],
     "attributes": {"block_size": 4096, "emulate_3pc": 1, "emulate_model_alias": 1, "emulate_tas": 0, "emulate_tpu": 1,
                    "emulate_write_cache": 1, "is_nonrot": 0, "pi_prot_type": 0, "queue_depth": 128},
     "dev": "/srv/db.img", "name": "db", "plugin": "fileio", "size": 1073741824, "write_back": true,
     "wwn": "8d0a9c64-4f1c-4e4b-9d43-bb1f7f0dd001"},
    {"attributes": {"block_size": 512, "emulate_write_cache": 0}, "dev": "/dev/vg/logs", "name": "logs", "plugin": "block",
     "readonly": true, "write_back": false, "wwn": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"},
    {"attributes": {}, "name": "scratch", "plugin": "ramdisk", "size": 67108864, "wwn": "11111111-2222-3333-4444-555555555555"},
    {"attributes": {}, "dev": "/dev/sg3", "name": "tape", "plugin": "pscsi"},
    {"config": "rbd/pool/image", "name": "ceph", "plugin": "user", "size": 1048576, "wwn": "x"}],
  "targets": [
    {"fabric": "iscsi", "wwn": "iqn.2003-01.org.linux-iscsi.san:db", "tpgs": [
      {"attributes": {"authentication": 1, "default_cmdsn_depth": 256, "demo_mode_write_protect": 1,
                      "generate_node_acls": 0, "t10_pi": 1},
       "enable": true, "tag": 7,
       "luns": [{"alias": "0a", "alua_tg_pt_gp_name": "default_tg_pt_gp", "index": 0, "storage_object": "/backstores/fileio/db"},
                {"index": 1, "storage_object": "/backstores/block/logs"},
                {"index": 2, "storage_object": "/backstores/user/ceph"}],
       "node_acls": [
         {"attributes": {"authentication": -1, "nopin_timeout": 15}, "chap_userid": "node-a", "chap_password": "secret-of-node-a",
          "chap_mutual_userid": "san", "chap_mutual_password": "secret-of-the-san",
          "mapped_luns": [{"alias": "1", "index": 0, "tpg_lun": 0, "write_protect": false},
                          {"alias": "2", "index": 5, "tpg_lun": 1, "write_protect": true}],
          "node_wwn": "iqn.1994-05.com.redhat:Node-A"},
         {"attributes": {}, "chap_userid": "node-b", "chap_password": "short",
          "mapped_luns": [{"index": 0, "tpg_lun": 2, "write_protect": false}], "node_wwn": "iqn.1994-05.com.redhat:node-b"}],
       "parameters": {"AuthMethod": "CHAP", "ErrorRecoveryLevel": "2", "MaxConnections": "1", "TargetAlias": "The disks"},
       "portals": [{"ip_address": "192.0.2.10", "iser": false, "offload": false, "port": 3260},
                   {"ip_address": "[2001:db8::0010]", "iser": true, "port": 3261}]}]},
    {"fabric": "iscsi", "wwn": "iqn.2003-01.org.linux-iscsi.san:open", "tpgs": [
      {"attributes": {"authentication": 0, "demo_mode_write_protect": 0, "generate_node_acls": 1}, "enable": true, "tag": 1,
       "luns": [{"index": 3, "storage_object": "/backstores/ramdisk/scratch"}], "node_acls": [],
       "portals": [{"ip_address": "192.0.2.10", "port": 3260}]}]},
    {"fabric": "qla2xxx", "wwn": "naa.21000024ff3eda70", "tpgs": [
      {"attributes": {"generate_node_acls": 0}, "enable": true, "tag": 1,
       "luns": [{"index": 0, "storage_object": "/backstores/fileio/db"}],
       "node_acls": [{"mapped_luns": [{"index": 0, "tpg_lun": 0, "write_protect": false}], "node_wwn": "naa.21000024ff000001"}]}]},
    {"fabric": "vhost", "wwn": "naa.5001405bc6d1f2aa", "tpgs": []}]
})json";

inline constexpr char kTargetsConf[] = R"(# what tgt-admin reads
include conf.d/*.conf
default-driver iscsi
incomingdiscoveryuser finder find-them-all-1
iSNS On
<target iqn.2008-09.com.example:b>
    backing-store /srv/two.img    # LUN 2: by path
    backing-store /srv/one.img
    write-cache off
    vendor_id MyCompany Inc.
    incominguser alice secret-of-alice
    incominguser bob secret-of-bob-1
    outgoinguser san secret-of-the-san
    initiator-name iqn.1994-05.com.redhat:Node-A
    initiator-address 192.168.100.1
    MaxBurstLength 262144
</target>
<target iqn.2008-09.com.example:closed>
    <backing-store /dev/vg/logs>
        lun 15
        scsi_sn SERIAL15
        write-cache on
        block-size 4096
        params element_type=4
    </backing-store>
    <direct-store /dev/sdd>
        device-type tape
    </direct-store>
    initiator-address 10.0.0.0/8
</target>
)";

inline constexpr char kScstConf[] = R"(# what scstadmin reads
setup_id 0x1234
HANDLER dev_disk {
	DEVICE 1:0:0:0
	DEVICE 2:0:0:0
}
HANDLER vdisk_fileio {
	DEVICE disk1 {
		filename /srv/one.img
		nv_cache 1
		naa_id 60014050000000000000000000000abc
	}
	DEVICE disk2 {
		filename "/srv/with blank.img"
		blocksize 4096
		removable 1
		write_through 1
		cluster_mode 1
	}
}
HANDLER vdisk_nullio {
	DEVICE nothing
}
HANDLER vcdrom {
	DEVICE cd {
		filename /cd.iso
	}
}
TARGET_DRIVER iscsi {
	IncomingUser "finder find-them-all-1"
	enabled 1
	TARGET iqn.2006-10.net.vlnb:tgt {
		IncomingUser "joe 12charsecret"
		IncomingUser1 "fred 12charsecret2"
		OutgoingUser "san secret-of-the-san"
		QueuedCommands 64
		rel_tgt_id 5
		allowed_portal 192.0.2.20
		enabled 1
		LUN 0 disk1
		LUN 2 disk2 {
			read_only 1
		}
		GROUP special {
			LUN 0 nothing
			INITIATOR iqn.1994-05.com.redhat:*
			INITIATOR !iqn.evil
		}
	}
	TARGET iqn.2006-10.net.vlnb:off {
		LUN 0 disk1
	}
}
TARGET_DRIVER qla2x00t {
	TARGET 25:00:00:f0:98:87:92:f3 {
		enabled 1
		rel_tgt_id 5
		GROUP INI1 {
			LUN 0 disk1
			LUN 1 1:0:0:0 {
				read_only 1
			}
			INITIATOR 25:00:00:f0:99:87:94:a3
		}
	}
	TARGET 25:00:00:f0:98:87:92:f4 {
	}
}
TARGET_DRIVER ib_srpt {
	TARGET fe80:0000:0000:0000:0002:c903:0005:f34b {
		LUN 0 disk1
	}
}
DEVICE_GROUP dgroup1 {
	DEVICE disk1
}
)";

}  // namespace ctl
