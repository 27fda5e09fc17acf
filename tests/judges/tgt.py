# The Linux tgt daemon as a target, so that the judges themselves can be proved on a known peer.
import os

from target import Target, Unsupported, accepts, run_tool, wait_for


class Tgt(Target):
    """tgtd with a control socket of its own. It keeps no state, so a restart repeats what was configured."""

    first_lun = 1  # LUN 0 is tgt's controller

    def __init__(self, backend="ram"):
        super().__init__(backend)
        self.control = str(20000 + self.port % 10000)
        self.env = dict(os.environ, TGT_IPC_SOCKET=os.path.join(self.folder, "control"))
        self.units = {}  # name -> (path, parameters)
        self.luns = {}  # lun -> name
        self.chap = None

    def start(self):
        self.spawn(["tgtd", "-f", "-C", self.control, "--iscsi", f"portal=127.0.0.1:{self.port}"], self.env)
        wait_for("tgtd's control socket", 10, lambda: os.path.exists(f"{self.env['TGT_IPC_SOCKET']}.{self.control}"),
                 self.process)
        wait_for("tgtd's portal", 10, lambda: accepts(self.port), self.process)
        self.admin("target", "new", "-T", self.iqn)
        for name in ("HeaderDigest", "DataDigest"):
            self.admin("target", "update", "--name", name, "--value", "None,CRC32C")
        if self.chap is not None:
            self.apply_chap()
        for lun, name in self.luns.items():
            self.map_lun(lun, name)
        self.admin("target", "bind", "-I", "ALL")

    def stop(self):
        self.kill()  # tgtd does not end on SIGTERM

    def admin(self, mode, operation, *arguments):
        scope = [] if mode == "account" and operation == "new" else ["--tid", "1"]
        return run_tool(["tgtadm", "-C", self.control, "--lld", "iscsi", "--mode", mode, "--op", operation, *scope,
                         *arguments], env=self.env)

    def create_lu(self, name, size, removable=False, write_protected=False, physical_block=512):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as image:
            image.truncate(size)
        exponent = (physical_block // 512).bit_length() - 1
        self.units[name] = (path, f"thin_provisioning=1,removable={int(removable)},readonly={int(write_protected)},"
                            f"lbppbe={exponent},scsi_sn={name},scsi_id={name}")

    def sessions(self):
        """How many there are."""
        return self.admin("conn", "show").count("Session:")

    def resize_lu(self, name, size):
        raise Unsupported("tgt cannot resize a logical unit in use")

    def map_lun(self, lun, name):
        path, parameters = self.units[name]
        self.admin("logicalunit", "new", "--lun", str(lun), "-b", path)
        self.admin("logicalunit", "update", "--lun", str(lun), "--params", parameters)

    def add_lun(self, lun, name):
        self.map_lun(lun, name)
        self.luns[lun] = name

    def remove_lun(self, lun):
        self.admin("logicalunit", "delete", "--lun", str(lun))
        del self.luns[lun]

    def set_chap(self, user, secret, mutual_user, mutual_secret):
        self.chap = (user, secret, mutual_user, mutual_secret)
        self.apply_chap()

    def apply_chap(self):
        user, secret, mutual_user, mutual_secret = self.chap
        self.admin("account", "new", "--user", user, "--password", secret)
        self.admin("account", "new", "--user", mutual_user, "--password", mutual_secret)
        self.admin("account", "bind", "--user", user)
        self.admin("account", "bind", "--user", mutual_user, "--outgoing")
