// Other targets' configurations as grammars: saveconfig.json of targetcli, scst.conf, targets.conf of tgt-admin.
#pragma once

#include "tests/fuzz/grammar.h"

namespace grammar {
namespace lio {

inline constexpr std::string_view kNumbers = "0|1|2|\"1\"|64|-1|1048576|9223372036854775808|\"x\"|true|[]",
                                  kBools = "true|false|1|\"yes\"|\"no\"", kNames = "\"db\"|\"logs\"|\"a b\"|\"\"";

inline Entry attributes() {
  static constexpr Field kFields[] = {{"block_size", "512|4096|520|99999|\"4096\""},
                                      {"emulate_write_cache", kBools},
                                      {"emulate_model_alias", kBools},
                                      {"pi_prot_type", "0|1|3|7"},
                                      {"emulate_tas", kNumbers},
                                      {"queue_depth", kNumbers},
                                      {"x_password", "\"hidden-word\""}};
  return kFields;
}
inline Entry group_name() {
  static constexpr Field kFields[] = {{"!name", "\"default_tg_pt_gp\"|\"slow\""}, {"tg_pt_gp_id", "0|1"}};
  return kFields;
}
inline Entry object() {
  static constexpr Field kFields[] = {{"!name", kNames},
                                      {"!plugin", "\"fileio\"|\"block\"|\"ramdisk\"|\"pscsi\"|\"user\""},
                                      {"dev", "\"/a\"|\"/b\"|\"/dev/c\"|\"/dev/sg1\"|\"relative\"|\"/none\""},
                                      {"size", "1048576|12345|0|67108864|\"x\""},
                                      {"write_back", kBools},
                                      {"readonly", kBools},
                                      {"nullio", kBools},
                                      {"wwn", "\"8d0a9c64-4f1c-4e4b-9d43-bb1f7f0dd001\"|\"x\"|\"\"|5"},
                                      {"aio", kBools},
                                      {"config", "\"rbd/pool\""},
                                      {"attributes", "", attributes, true},
                                      {"alua_tpgs", "", group_name}};
  return kFields;
}
inline Entry module() {
  static constexpr Field kFields[] = {{"!name", "\"iscsi\"|\"qla2xxx\""},
                                      {"discovery_enable_auth", kBools},
                                      {"discovery_userid", "\"finder\"|\"alice\"|\"\""},
                                      {"discovery_password", "\"find-them-all-1\"|\"short\""},
                                      {"discovery_mutual_userid", "\"san\""},
                                      {"discovery_mutual_password", "\"secret-of-the-san\"|\"find-them-all-1\""}};
  return kFields;
}
inline Entry lun() {
  static constexpr Field kFields[] = {{"!index", "0|1|2|5|16384|-1"},
                                      {"!storage_object",
                                       "\"/backstores/fileio/db\"|\"/backstores/block/db\"|\"/backstores/fileio/logs\"|"
                                       "\"/backstores/ramdisk/db\"|\"/backstores/user/db\"|\"x\""},
                                      {"alua_tg_pt_gp_name", "\"default_tg_pt_gp\"|\"slow\""},
                                      {"alias", "\"0a\""}};
  return kFields;
}
inline Entry mapped() {
  static constexpr Field kFields[] = {
      {"!index", "0|1|5|16384|4294967296"}, {"!tpg_lun", "0|1|2|7"}, {"write_protect", kBools}};
  return kFields;
}
inline Entry acl_attributes() {
  static constexpr Field kFields[] = {
      {"authentication", "-1|0|1|\"x\""}, {"nopin_timeout", kNumbers}, {"default_erl", "0|1"}};
  return kFields;
}
inline Entry parameters() {
  static constexpr Field kFields[] = {{"TargetAlias", "\"LIO Target\"|\"The disks\"|5"},
                                      {"MaxConnections", "\"1\"|\"4\"|\"9\"|0|\"x\""},
                                      {"ErrorRecoveryLevel", "\"0\"|\"2\""},
                                      {"AuthMethod", "\"CHAP\""}};
  return kFields;
}
inline Entry acl() {
  static constexpr Field kFields[] = {{"!node_wwn",
                                       "\"iqn.1994-05.com.redhat:Node-A\"|\"iqn.x:b\"|\"naa.21000024ff000001\"|"
                                       "\"naa.x\"|\"*\"|\"\""},
                                      {"chap_userid", "\"node-a\"|\"alice\""},
                                      {"chap_password", "\"secret-of-node-a\"|\"short\""},
                                      {"chap_mutual_userid", "\"san\""},
                                      {"chap_mutual_password", "\"secret-of-the-san\"|\"secret-of-node-a\""},
                                      {"tcq_depth", kNumbers},
                                      {"attributes", "", acl_attributes, true},
                                      {"parameters", "", parameters, true},
                                      {"mapped_luns", "", mapped}};
  return kFields;
}
inline Entry portal() {
  static constexpr Field kFields[] = {
      {"!ip_address", "\"192.0.2.10\"|\"[2001:db8::10]\"|\"0.0.0.0\"|\"[::0]\"|\"::\"|\"x\""},
      {"port", "3260|3261|0|70001|\"3260\""},
      {"iser", kBools},
      {"offload", kBools}};
  return kFields;
}
inline Entry group_attributes() {
  static constexpr Field kFields[] = {{"authentication", "-1|0|1"},
                                      {"generate_node_acls", kBools},
                                      {"demo_mode_write_protect", kBools},
                                      {"prod_mode_write_protect", kBools},
                                      {"default_cmdsn_depth", "64|0|256|5000|-3"},
                                      {"t10_pi", "0|1"}};
  return kFields;
}
inline Entry group() {
  static constexpr Field kFields[] = {{"tag", "1|7|70000|\"1\""},
                                      {"enable", kBools},
                                      {"chap_userid", "\"alice\"|\"bob\""},
                                      {"chap_password", "\"correct-horse-1\""},
                                      {"attributes", "", group_attributes, true},
                                      {"parameters", "", parameters, true},
                                      {"portals", "", portal},
                                      {"luns", "", lun},
                                      {"node_acls", "", acl}};
  return kFields;
}
inline Entry target() {
  static constexpr Field kFields[] = {
      {"!fabric", "\"iscsi\"|\"qla2xxx\"|\"vhost\""},
      {"!wwn", "\"iqn.2003-01.org.linux-iscsi.san:db\"|\"naa.21000024ff000001\"|\"IQN.x:y\"|\"\"|\"x\""},
      {"x", "{}|null|1"},
      {"tpgs", "", group}};
  return kFields;
}
inline Entry root() {
  static constexpr Field kFields[] = {
      {"storage_objects", "", object}, {"fabric_modules", "", module}, {"targets", "", target}, {"x", "1"}};
  return kFields;
}

}  // namespace lio

namespace scst {

inline constexpr std::string_view kBits = "1|0|x", kDevices = "disk1|disk2|1:0:0:0|2:0:0:0|\"a b\"";

inline Entry device() {
  static constexpr Field kFields[] = {
      {"", kDevices},
      {"filename", "/a|/b|/dev/c|\"/a\"|relative|"},
      {"nv_cache", kBits},
      {"naa_id", "60014050000000000000000000000abc|0x60014050000000000000000000000abc|5|x"},
      {"usn", "SN1|\"a b\""},
      {"t10_vend_id", "ACME|\"much too long\""},
      {"prod_id", "DISK"},
      {"prod_rev_lvl", "\" 300\"|1"},
      {"blocksize", "512|4096|520|99999999"},
      {"size_mb", "1|0|99999999999"},
      {"size", "1048576|x"},
      {"removable", kBits},
      {"read_only", kBits},
      {"write_through", kBits},
      {"thin_provisioned", kBits},
      {"rotational", kBits},
      {"cluster_mode", kBits}};
  return kFields;
}
inline Entry handler() {
  static constexpr Field kFields[] = {
      {"", "vdisk_fileio|vdisk_blockio|vdisk_nullio|dev_disk|vcdrom"}, {"x", "1"}, {"DEVICE", "", device}};
  return kFields;
}
inline Entry lun() {
  static constexpr Field kFields[] = {
      {"", "0 disk1|1 disk2|2 1:0:0:0|16384 disk1|x disk1|0 none|0"}, {"read_only", kBits}, {"x", "1"}};
  return kFields;
}
inline Entry group() {
  static constexpr Field kFields[] = {
      {"", "special|INI1|\"a b\""},
      {"INITIATOR", "iqn.1994-05.com.redhat:*|!iqn.evil|25:00:00:f0:99:87:94:a3|*|a#b|\"\""},
      {"x", "1"},
      {"LUN", "", lun}};
  return kFields;
}
inline Entry target() {
  static constexpr Field kFields[] = {
      {"", "iqn.2006-10.net.vlnb:tgt|21:00:00:24:ff:00:00:01|25:00:00:f0:98:87:92:f4|x"},
      {"enabled", kBits},
      {"IncomingUser", "\"joe 12charsecret\"|joe|\"joe short\""},
      {"IncomingUser1", "\"fred 12charsecret2\"|fred 12charsecret2"},
      {"OutgoingUser", "\"san secret-of-the-san\"|\"san 12charsecret\""},
      {"QueuedCommands", "64|0|5000|x"},
      {"rel_tgt_id", "5|1|65536|x"},
      {"alias", "\"all disks\"|a"},
      {"redirect",
       "\"192.0.2.2:3260 temp\"|\"[2001:db8::2] perm\"|\"192.0.2.2\"|\"x temp\"|"
       "\"192.0.2.2:99999 temp\"|\"\""},
      {"allowed_portal", "192.0.2.20|[::1]|x*"},
      {"node_name", "20:00:00:24:ff:00:00:01|0|x"},
      {"parent_host", "21:00:00:24:ff:00:00:01|20:00:00:00:00:00:00:01|x"},
      {"explicit_confirmation", kBits},
      {"MaxBurstLength", "1048576"},
      {"comment", "\"\""},
      {"LUN", "", lun},
      {"GROUP", "", group}};
  return kFields;
}
inline Entry driver() {
  static constexpr Field kFields[] = {{"", "iscsi|qla2x00t|qla2xxx_scst|ib_srpt|copy_manager"},
                                      {"!enabled", kBits},
                                      {"IncomingUser", "\"finder find-them-all-1\""},
                                      {"OutgoingUser", "\"san secret-of-the-san\""},
                                      {"link_local", "0"},
                                      {"iSNSServer", "x"},
                                      {"TARGET", "", target}};
  return kFields;
}
inline Entry device_group() {
  static constexpr Field kFields[] = {{"", "dgroup1"}, {"DEVICE", "disk1"}};
  return kFields;
}
inline Entry root() {
  static constexpr Field kFields[] = {{"setup_id", "0x1234"},
                                      {"other", "1|[Handler]"},
                                      {"HANDLER", "", handler},
                                      {"TARGET_DRIVER", "", driver},
                                      {"DEVICE_GROUP", "", device_group}};
  return kFields;
}

}  // namespace scst

namespace tgt {

inline constexpr Field kUnit[] = {{"write-cache", "on|off"},
                                  {"scsi_id", "IET     00010001|x"},
                                  {"scsi_sn", "SERIAL15|beaf11"},
                                  {"vendor_id", "MyCompany Inc.|ACME"},
                                  {"product_id", "DISK"},
                                  {"product_rev", "0001|12345"},
                                  {"removable", "1|0"},
                                  {"readonly", "1|0"},
                                  {"block-size", "512|4096|520|x"},
                                  {"lbppbe", "3|0|8|x"},
                                  {"lun", "15|1|0|16384|x"},
                                  {"device-type", "disk|tape"},
                                  {"bs-type", "rdwr|aio|sg|null|rbd"},
                                  {"params", "element_type=4"}};
inline constexpr std::string_view kPaths = "/a|/b|/dev/c|/dev/sg1|/none|\"/a\"|relative|";

inline Entry store() {
  static constexpr Field kFields[] = {{"", kPaths}, kUnit[0],  kUnit[1],  kUnit[2],  kUnit[3],
                                      kUnit[4],     kUnit[5],  kUnit[6],  kUnit[7],  kUnit[8],
                                      kUnit[9],     kUnit[10], kUnit[11], kUnit[12], kUnit[13]};
  return kFields;
}
inline Entry target() {
  static constexpr Field kFields[] = {{"", "iqn.2008-09.com.example:b|iqn.2008-09.com.example:A|eui.x|"},
                                      {"backing-store", kPaths},
                                      {"direct-store", kPaths},
                                      {"backing-store", "/b|/dev/c    # comment|/x\\#y"},
                                      kUnit[0],
                                      kUnit[1],
                                      kUnit[3],
                                      kUnit[6],
                                      kUnit[7],
                                      kUnit[8],
                                      kUnit[10],
                                      kUnit[12],
                                      {"incominguser", "alice secret-of-alice|alice|bob secret-of-bob-1"},
                                      {"incominguser", "bob secret-of-bob-1|alice another-secret"},
                                      {"outgoinguser", "san secret-of-the-san|alice secret-of-alice"},
                                      {"initiator-name", "iqn.1994-05.com.redhat:Node-A|*|"},
                                      {"initiator-address", "192.168.100.1|10.0.0.0/8|ALL|x|2001:db8::1"},
                                      {"driver", "iscsi|iser"},
                                      {"MaxConnections", "1|4|9|x"},
                                      {"MaxBurstLength", "262144"},
                                      {"controller_tid", "5|70000|x"},
                                      {"nop_count", "5"},
                                      {"backing-store", "", store},
                                      {"direct-store", "", store}};
  return kFields;
}
inline Entry root() {
  static constexpr Field kFields[] = {{"include", "other.conf|\"/i/*.conf\"|self.conf|/none|*/*/*/x|"},
                                      {"default-driver", "iscsi|iser"},
                                      {"incomingdiscoveryuser", "finder find-them-all-1|finder"},
                                      {"outgoingdiscoveryuser", "san secret-of-the-san"},
                                      {"iSNSServerIP", "192.0.2.1"},
                                      {"ignore-errors", "yes"},
                                      {"concurrency", "=5"},
                                      {"/* comment", "*/|"},
                                      {"<stray/>", ""},
                                      {"long", "a \\|b"},
                                      {"target", "", target}};
  return kFields;
}

}  // namespace tgt

inline std::string make_import(Input& input, unsigned format) {
  if (format == 0) return Maker(input, Syntax::kJson).make(lio::root());
  if (format == 1) return Maker(input, Syntax::kTgt).make(tgt::root());
  return Maker(input, Syntax::kScst).make(scst::root());
}

}  // namespace grammar
