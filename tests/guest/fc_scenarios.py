# The Fibre Channel scenarios: who has which adapter of the SAN, and which scripts run in the guests.
import json
import re

from fc_runs import SIZE, Pair, Run, one_disk, serve
from fc_trouble import Trouble
from programs import with_libraries
from target import JudgeError

# What the target may say when cables are pulled and firmware crashes.
DRIVER_WARNINGS = (r"firmware", r"mailbox", r"link", r"login ended", r"recover")
# What a model may say, by scenario: a target that is killed closes nothing.
MODEL_WARNINGS = {"soak": ("the connection ended",)}


def both_protected(san):
    """Whether both adapters made and checked protection information."""
    good = True
    for adapter, what in (("0", "protected commands"), ("1", "protected CTIOs")):
        if f"{what}: " not in san.ask("dump", adapter)["dump"]:
            print(f"the model of adapter {adapter} has seen no {what}")
            good = False
    return good


def probe(san, options):
    run = Run("fc_probe", san, [0], options)
    run()
    return run.told(options.verbose)


def tcm(san, options):
    """The Linux target on one model, the Linux initiator on the other."""
    pair = Pair(options)
    target = Run("fc_tcm_target", san, [1], options, pair.hold)
    good = pair.run(target, Run(options.script or "fc_disk", san, [0], options))
    return good and (options.script != "fc_protected" or both_protected(san))


def vfio(san, options):
    """outboardd itself in a guest with an IOMMU, by the kernel's vfio-pci; the initiator in another guest."""
    pair = Pair(options)
    files = with_libraries({name: f"{options.bin_dir}/{name}" for name in ("outboardd", "tgtctl")})
    target = Run("fc_vfio_target", san, [1], options, pair.hold, files, {"memory_mib": 1536, "iommu": True})
    return pair.run(target, Run(options.script or "fc_disk", san, [0], options))


def ram(san, options):
    """One model with a Linux initiator, and a disk that outboard-emu itself has on the network."""
    run = Run(options.script or "fc_disk", san, [0], options)
    run()
    return run.told(options.verbose)


def disk(san, options):
    return serve(san, options, options.script or "fc_disk", [0], [1])


def protected(san, options):
    """A disk of ours with T10 protection information of type 1, under a driver whose adapter makes and checks it."""
    def prepare(target):
        target.create_lu("disk", SIZE, protection_type=1)
        target.add_lun(0, "disk")
        return {}, {}
    return serve(san, options, "fc_protected", [0], [1], prepare=prepare, OURS=1) and both_protected(san)


def errors(san, options):
    """Resets by the initiator; then, under I/O, what an operator or a cable does."""
    return serve(san, options, "fc_errors", [0], [1], announced=DRIVER_WARNINGS, SECONDS_OF_LOAD=60)


def every_queue_carried(san, adapters, queues):
    """Whether the models of these adapters have taken requests from each of so many queue pairs."""
    good = True
    for adapter in adapters:
        dump = san.ask("dump", str(adapter))["dump"]
        taken = re.findall(r"queues \d+: requests in (\d+) out", dump)
        if len(taken) != queues or "0" in taken:
            print(f"not every queue pair of adapter {adapter} was used:\n{dump}")
            good = False
    return good


def multipath(san, options):
    """Two adapters in the guest, two ports of the target; one cable is pulled under I/O, then the other."""
    ports = [2, 3]

    def prepare(target):
        one_disk(target)

        def queues():
            if not every_queue_carried(san, ports, options.reactors):
                raise JudgeError("not every reactor carried commands")
        return {}, {"queues": queues}
    return serve(san, options, "fc_multipath", [0, 1], ports, announced=DRIVER_WARNINGS, prepare=prepare, PATHS=4,
                 ADAPTERS="hba0 hba1")


def wwpn_of(target):
    """Of its physical port, as sysfs has it."""
    return json.loads(target.ctl("--json", "port", "show", "fc0"))["wwpn"].replace(":", "")


def shared(san, options):
    """Two adapters and an iSCSI initiator in the guest, one port of the target: nexuses, reservations, views."""
    def prepare(target):
        for name in ("disk", "extra"):
            target.create_lu(name, SIZE)
        port = json.loads(target.ctl("--json", "port", "show", "fc0"))
        return {"IQN": target.iqn, "PORTAL": f"10.0.2.2:{target.port}", "TARGET": port["wwpn"],
                "RELATIVE_PORT": port["relative_port_id"]}, {}
    return serve(san, options, "fc_shared", [0, 1], [2], prepare=prepare)


def changes(san, options):
    """Views change under I/O; the initiator hears of it by the fabric."""
    def prepare(target):
        one_disk(target)
        target.create_lu("extra", SIZE)

        def views():
            for lun in range(10, 20):
                target.ctl("view", "add", "extra", "--lun", str(lun))

        def told():
            port = san.ask("ports")["ports"][1]
            if port["rscns_received"] == 0 or port["rscns_refused"] != 0:
                raise JudgeError(f"RSCNs from the target: {port}")
        return {}, {"views": views, "told": told}
    return serve(san, options, "fc_changes", [0], [1], prepare=prepare, SECONDS_OF_LOAD=25)


def npiv(san, options):
    """A port and a virtual port of the target on one adapter; one disk is at both."""
    virtual = "21010024ff000001"

    def prepare(target):
        target.virtual = {"fc0-tenant": virtual}
        for name in ("ours", "theirs", "common"):
            target.create_lu(name, SIZE)
        for name, *where in (("ours", "0", "--target-group", "fc0"), ("theirs", "0", "--target-group", "fc0-tenant"),
                             ("common", "1")):
            target.ctl("view", "add", name, "--lun", *where)
        return {"TARGET": wwpn_of(target), "VIRTUAL": virtual}, {}
    return serve(san, options, "fc_npiv", [0], [1], prepare=prepare)


def vports(san, options):
    """The Linux initiator with virtual ports of its own: a view for each name."""
    names = ["21000024ff000000", "21010024ff000001", "21010024ff000002"]

    def prepare(target):
        for name in ("zero", "one", "two"):
            target.create_lu(name, SIZE)
        for lun, (name, wwpn) in enumerate(zip(target.units, names)):
            target.ctl("host-group", "create", f"host-{name}", "--initiators", wwpn)
            target.ctl("view", "add", name, "--lun", str(lun), "--host-group", f"host-{name}")
        return {"TARGET": wwpn_of(target), "NODE": "20010024ff000000", "FIRST": names[1], "SECOND": names[2]}, {}
    return serve(san, options, "fc_vports", [0], [1], announced=("login ended",), prepare=prepare)


def soak(san, options):
    """Not in CI: the load and the trouble go on for --minutes."""
    options.seconds += 60 * options.minutes + 300
    print(f"seed {options.seed}", flush=True)

    def prepare(target):
        one_disk(target)
        return {}, Trouble(target, san, options.seed).verbs()
    announced = (*DRIVER_WARNINGS, "no answer to a transfer")  # when a completion is lost
    return serve(san, options, "fc_soak", [0], [1], announced=announced, prepare=prepare,
                 SECONDS_OF_LOAD=60 * options.minutes)


# Each with the number of adapters that it takes.
SCENARIOS = {"probe": (probe, 1), "ram": (ram, 1), "tcm": (tcm, 2), "disk": (disk, 2), "vfio": (vfio, 2),
             "protected": (protected, 2), "errors": (errors, 2), "changes": (changes, 2), "shared": (shared, 3),
             "soak": (soak, 2), "npiv": (npiv, 2), "vports": (vports, 2), "multipath": (multipath, 4)}
