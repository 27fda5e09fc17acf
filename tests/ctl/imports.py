#!/usr/bin/env python3
"""Configurations of other targets, imported by tgtctl and served by outboardd."""
import json
import os
import stat
import subprocess

from daemon import check, run
from target import free_port, run_tool

SECRET, MUTUAL = "secret-of-the-node", "secret-of-the-san"


def inquiry(port, iqn, lun, user="", initiator="iqn.1994-05.com.redhat:node"):
    login = f"{user}%{SECRET}@" if user else ""
    return run_tool(["iscsi-inq", "-i", initiator, f"iscsi://{login}127.0.0.1:{port}/{iqn}/{lun}"])


def saveconfig(daemon, port):
    """One file, one RAM disk, one tape; a target with CHAP and an ACL that maps LUNs."""
    with open(os.path.join(daemon.folder, "db.img"), "wb") as image:
        image.truncate(8 << 20)
    unit = {"attributes": {"block_size": 512, "emulate_write_cache": 1, "emulate_tas": 0}, "write_back": True}
    return json.dumps({
        "fabric_modules": [],
        "storage_objects": [
            {**unit, "plugin": "fileio", "name": "db", "dev": os.path.join(daemon.folder, "db.img"), "size": 8 << 20,
             "wwn": "8d0a9c64-4f1c-4e4b-9d43-bb1f7f0dd001"},
            {"plugin": "ramdisk", "name": "scratch", "size": 4 << 20, "wwn": "11111111-2222-3333-4444-555555555555"},
            {"plugin": "pscsi", "name": "tape", "dev": "/dev/sg77"}],
        "targets": [{"fabric": "iscsi", "wwn": "iqn.2003-01.org.linux-iscsi.san:db", "tpgs": [{
            "attributes": {"authentication": 1, "generate_node_acls": 0}, "enable": True, "tag": 1,
            "luns": [{"index": 0, "storage_object": "/backstores/fileio/db"},
                     {"index": 1, "storage_object": "/backstores/ramdisk/scratch"}],
            "node_acls": [{"node_wwn": "iqn.1994-05.com.redhat:node", "chap_userid": "node", "chap_password": SECRET,
                           "chap_mutual_userid": "san", "chap_mutual_password": MUTUAL,
                           "mapped_luns": [{"index": 0, "tpg_lun": 0, "write_protect": False},
                                           {"index": 7, "tpg_lun": 1, "write_protect": True}]}],
            "portals": [{"ip_address": "127.0.0.1", "port": port}]}]}]})


def targetcli_is_applied(daemon):
    """In one transaction; disks keep their identity, accounts and LUNs; what is lost is said, secrets are not."""
    port, iqn = free_port(), "iqn.2003-01.org.linux-iscsi.san:db"
    daemon.start()
    path = daemon.write("saveconfig.json", saveconfig(daemon, port))
    dry = daemon.ctl("import", path, "--apply", "--dry-run")
    check("+ lu db" in dry and daemon.ctl_json("lu", "list") == [], f"dry run: {dry}")
    check("--strict" in daemon.refused("import", path, "--apply", "--strict"), "--strict took an import with losses")
    said = daemon.ctl("import", path, "--apply")
    for part in ("storage_objects[0].attributes.emulate_tas", "storage_objects[2]: backstore pscsi",
                 "an account of one initiator"):
        check(part in said, f"not said: {part}: {said}")
    unit = daemon.ctl_json("lu", "show", "db")
    check(unit["naa"] == "60014058d0a9c644f1c4e4b9d43bb1f7" and unit["size"] == 8 << 20, f"another disk: {unit}")
    check("LIO-ORG" in inquiry(port, iqn, 0, "node") and "LIO-ORG" in inquiry(port, iqn, 7, "node"), "INQUIRY")
    daemon.announce("refused with status 02")
    for options in (["-i", "iqn.other", f"iscsi://node%{SECRET}@127.0.0.1:{port}/{iqn}/0"],
                    ["-i", "iqn.1994-05.com.redhat:node", f"iscsi://127.0.0.1:{port}/{iqn}/0"]):
        code = subprocess.run(["iscsi-inq", *options], capture_output=True, timeout=20, check=False).returncode
        check(code != 0, f"logged in with {options}")
    check("--replace" in daemon.refused("import", path, "--apply"), "a configuration was replaced unasked")
    check("nothing changes" in daemon.ctl("import", path, "--apply", "--replace"), "the same import changes something")
    said += daemon.ctl("export") + daemon.ctl("--json", "import", path)
    check(SECRET not in said + daemon.log() and MUTUAL not in said + daemon.log(), "a secret was shown")


def tgt_admin_is_written(daemon):
    """--output makes files that a new daemon begins with; secrets apart and for nobody else."""
    images = [os.path.join(daemon.folder, name) for name in ("one.img", "two.img")]
    for path in images:
        with open(path, "wb") as image:
            image.truncate(4 << 20)
    daemon.write("more.conf", f"<target iqn.2008-09.com.example:b>\n  backing-store {images[1]}\n</target>\n")
    conf = daemon.write("targets.conf", f"""include {daemon.folder}/more.conf
<target iqn.2008-09.com.example:a>
    backing-store {images[0]}
    write-cache off
    incominguser node {SECRET}
    initiator-address ALL
</target>
""")
    out = os.path.join(daemon.folder, "outboard.toml")
    report = daemon.ctl("import", conf, "--output", out)
    check("2 logical units, 2 targets" in report, report)
    check(stat.S_IMODE(os.stat(out + ".secrets").st_mode) == 0o600, "others can read the secrets")
    check("File exists" in daemon.refused("import", conf, "--output", out), "a file was overwritten")
    port = free_port()
    with open(out, encoding="utf-8") as text:
        made = text.read()
    check(SECRET not in made, "the secret is in the configuration")
    daemon.config = daemon.write("mine.toml", made.replace("0.0.0.0:3260", f"127.0.0.1:{port}"))
    daemon.options = ["--secrets", out + ".secrets"]
    daemon.start()
    check("IET" in inquiry(port, "iqn.2008-09.com.example:a", 1, "node"), "INQUIRY of a")
    check("VIRTUAL-DISK" in inquiry(port, "iqn.2008-09.com.example:b", 1), "INQUIRY of b")
    check(daemon.ctl_json("lu", "show", "one.img")["naa"] == "60000000000000000e00000000010001", "another disk")


def scst_is_served(daemon):
    """Groups of initiators see their own LUNs; read-only ones stay so; what is no SCSI disk is left out."""
    port = free_port()
    image = os.path.join(daemon.folder, "disk1")
    with open(image, "wb") as out:
        out.truncate(4 << 20)
    path = daemon.write("scst.conf", f"""HANDLER vdisk_fileio {{
  DEVICE disk1 {{
    filename {image}
    usn abc
  }}
}}
HANDLER vdisk_nullio {{
  DEVICE nothing
}}
HANDLER vcdrom {{
  DEVICE cd {{
    filename /cd.iso
  }}
}}
TARGET_DRIVER iscsi {{
  enabled 1
  TARGET iqn.2006-10.net.vlnb:tgt {{
    allowed_portal 127.0.0.1
    enabled 1
    GROUP nodes {{
      LUN 0 disk1
      LUN 4 nothing {{
        read_only 1
      }}
      INITIATOR iqn.1994-05.com.redhat:*
    }}
  }}
}}
""")
    daemon.start()
    made = json.loads(daemon.ctl("--json", "import", path))
    check(made["format"] == "scst" and any("vcdrom" in found["what"] for found in made["findings"]), f"report: {made}")
    daemon.ctl("apply", daemon.write("made.toml", made["config"].replace(":3260", f":{port}")))
    check("SCST_FIO" in inquiry(port, "iqn.2006-10.net.vlnb:tgt", 0), "INQUIRY")
    seen = run_tool(["iscsi-ls", "-i", "iqn.other", "-s", f"iscsi://127.0.0.1:{port}"])
    check("Lun:" not in seen, f"a stranger sees {seen}")
    views = daemon.ctl_json("view", "list")
    check({(view["lu"], view["lun"], view["read_only"]) for view in views} == {("disk1", 0, False), ("nothing", 4, True)},
          f"views: {views}")


def what_cannot_be_read_is_refused(daemon):
    """With the place of the fault; no daemon is needed."""
    check("scst.conf:1: this brace is not closed" in daemon.refused("import", daemon.write("scst.conf", "HANDLER x {\n")),
          "error")
    check("say --format" in daemon.refused("import", daemon.write("other", "hello\n")), "error")
    check("JSON is nested" in daemon.refused("import", daemon.write("deep", "{" + "[" * 100_000)), "error")
    check(daemon.ctl_code("import", daemon.write("empty", ""), "--format", "scst", "--apply") == 3, "exit code without a daemon")
    check(daemon.ctl_code("import", "/dev/null", "--format", "other") == 2, "exit code of a wrong format")


if __name__ == "__main__":
    run(__doc__, [targetcli_is_applied, tgt_admin_is_written, scst_is_served, what_cannot_be_read_is_refused])
