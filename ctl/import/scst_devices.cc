// scst.conf: devices of SCST's handlers become logical units.
#include <algorithm>

#include "ctl/config/names.h"
#include "ctl/import/scst_reader.h"
#include "ctl/import/words.h"

namespace ctl {
namespace {

constexpr std::uint64_t kNullSize = std::uint64_t{5} << 40;  // of SCST's vdisk_nullio

}  // namespace

void ScstReader::handler(const Statement& section) {
  for (const Statement& each : section.inner) {
    if (each.word(0) == "DEVICE") {
      device(each, section.word(1));
    } else {
      lost(each, "HANDLER " + section.word(1), kNoSetting, "it is passed over");
    }
  }
}

bool ScstReader::identity(const Statement& statement, LogicalUnit& lu) {
  const std::string &word = statement.word(0), value = statement.rest(1);
  if (word == "t10_vend_id") {
    lu.unit.vendor = value;
  } else if (word == "prod_id") {
    lu.unit.product = value;
  } else if (word == "prod_rev_lvl") {
    lu.unit.revision = value;
  } else if (word == "usn") {
    lu.unit.serial = value;
  } else if (word == "naa_id") {
    const std::string digits = lower_case(value.starts_with("0x") ? value.substr(2) : value);
    if (!parse_naa(digits, lu.unit)) {
      lost(statement, "DEVICE", "an identifier is 32 hexadecimal digits that begin with 6", "a new one is drawn");
    }
  } else {
    return false;
  }
  return true;
}

bool ScstReader::device_attribute(const Statement& statement, LogicalUnit& lu) {
  const std::string& word = statement.word(0);
  const std::uint64_t value = number_of<std::uint64_t>(statement.word(1)).value_or(0);
  const bool on = value != 0;
  if (word == "blocksize") {
    lu.store.block_size = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, 65536));
  } else if (word == "size_mb") {
    lu.store.size = std::min<std::uint64_t>(value, std::uint64_t{1} << 40) << 20;
  } else if (word == "size") {
    lu.store.size = value;
  } else if (word == "removable") {
    lu.unit.removable = on;
  } else if (word == "read_only") {
    lu.unit.write_protected = on;
  } else if (word == "write_through") {
    lu.unit.write_cache = !on;
  } else if (word == "thin_provisioned") {
    lu.store.thin = on;
  } else {
    return among(word, {"filename", "rotational", "threads_num", "threads_pool_type", "numa_node_id", "o_direct",
                        "async", "bind_alua_state", "active", "t10_dev_id", "vend_specific_id", "pr_file_name", "dummy",
                        "zero_copy", "opt_trans_len", "lb_per_pb_exp"});
  }
  return true;
}

bool ScstReader::medium(const Statement& section, const std::string& handler, LogicalUnit& lu, const Place& place) {
  std::string path;
  for (const Statement& each : section.inner) {
    if (each.word(0) == "filename") path = each.rest(1);
  }
  if (handler == "vdisk_fileio" || handler == "vdisk_blockio") {
    lu.unit.vendor = handler == "vdisk_fileio" ? "SCST_FIO" : "SCST_BIO";
    return true;
  }
  if (handler == "vdisk_nullio") {
    lu.store.kind = StoreKind::kNull;
    return true;
  }
  if (handler == "dev_disk") {
    const std::string disk = draft_.machine().scsi_disk(section.word(1));
    const bool found = !disk.empty() && draft_.on_medium(lu, disk, 0, place);
    draft_.note(place, "pass-through of " + base::escaped(section.word(1), 60), "commands are not handed to a device",
                found ? "it is served as block device " + disk + ", with an identity of its own"
                      : "this machine has no such disk; it is left out");
    return found;
  }
  draft_.note(place, "handler " + base::escaped(handler, 60), "there is no such device here", "it is left out");
  return false;
}

void ScstReader::device(const Statement& section, const std::string& handler) {
  const std::string& name = section.word(1);
  const Place place{section.file, section.line, "DEVICE " + name};
  LogicalUnit lu;
  if (!medium(section, handler, lu, place)) return;
  const bool pass_through = handler == "dev_disk";
  if (!pass_through) lu.unit.product = name.substr(0, 16);
  bool known = false;
  std::string path;
  for (const Statement& each : section.inner) {
    if (each.word(0) == "filename") path = each.rest(1);
    known |= each.word(0) == "naa_id";
    if (each.word(0) == "nv_cache" && each.word(1) == "1") {
      lost(each, place.path, "a cache is never taken for safe", "what initiators flush is on the medium");
    } else if (!identity(each, lu) && !device_attribute(each, lu)) {
      lost(each, place.path, kNoSetting, "it is passed over");
    }
  }
  if (lu.store.kind == StoreKind::kNull && lu.store.size == 0) lu.store.size = kNullSize;
  const bool virtual_disk = !pass_through && lu.store.kind != StoreKind::kNull;
  if (virtual_disk && !draft_.on_medium(lu, path, lu.store.size, place)) return;
  draft_.identity(lu, place);
  if (!pass_through && !known) {
    draft_.note(place, "identifiers that SCST makes of the device's name",
                "without naa_id it tells initiators none of type NAA 6",
                "a new identifier is drawn: initiators may take the disk for another one");
  }
  units_[name] = draft_.add_lu(std::move(lu), name, place);
}

}  // namespace ctl
