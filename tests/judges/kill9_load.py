# Writes with many commands in flight until the connection ends, and tells the model what was sent and answered.
import select

from kill9_initiator import Lost, pr_out
from kill9_medium import NEVER, Write, content
from rawiscsi import scsi
from rawiscsi.errors import Closed

DEPTH = 16
SIZES = (1, 1, 3, 8, 8, 16, 64, 256, 512)  # blocks; the larger ones are sent by R2T
FUA = 0x08


class Load:
    """The writer's session; once a registrant's, which changes its key all the time."""

    def __init__(self, medium, lun, area, random, logged=False, without=()):
        """logged: the medium is a disk under dm-log-writes, which takes neither UNMAP nor WRITE ATOMIC, and which logs a
        write with FUA before older ones of the same block that nobody has flushed: a disk would not.
        without: commands that the target does not have, of UNMAP, NDOB, COMPARE, ATOMIC."""
        self.medium, self.lun, self.area, self.random = medium, lun, area, random
        self.logged, self.without = logged, {*without, *(("UNMAP", "ATOMIC") if logged else ())}
        self.generation = 1
        self.in_flight = []  # (Task, Write), or with the acknowledgements that a SYNCHRONIZE CACHE covers
        self.counts = {"written": 0, "durable": 0, "synchronized": 0, "in flight at a kill": 0}

    def run(self, session, write_cache, registrant=None):
        """Until the target is killed. write_cache: WCE as it is now."""
        try:
            while True:
                while len(self.in_flight) < DEPTH:
                    self.send(session, write_cache)
                self.receive(session)
                if registrant is not None:
                    registrant.step()
        except Closed:
            self.drain(session)
        finally:
            session.close()

    def run_some(self, session, write_cache, commands):
        """So many commands, all of which are answered."""
        while commands or self.in_flight:
            while commands and len(self.in_flight) < DEPTH:
                self.send(session, write_cache)
                commands -= 1
            self.receive(session)

    def drain(self, session):
        """Takes the answers that came before the end."""
        try:
            while self.in_flight:
                self.receive(session)
        except Closed:
            self.counts["in flight at a kill"] += len(self.in_flight)
            self.in_flight.clear()

    def send(self, session, write_cache):
        if write_cache and self.random.random() < 0.05:
            since = self.medium.acknowledged
            task = session.command(scsi.synchronize_cache16(), self.lun)
            self.in_flight.append((task, since))
            return
        count = self.random.choice(SIZES)
        first = self.random.randrange(self.area.start, self.area.stop - count)
        if not self.medium.idle(first, count):
            first, count = self.free_block(), 1
        durable = not write_cache
        cdb, data, write = self.command(first, count, durable)
        self.medium.sent(write)
        # Known to the model before a byte is sent: the connection may end in the middle.
        task = session.command(cdb, self.lun, write=data)
        self.in_flight.append((task, write))

    def free_block(self):
        while True:
            first = self.random.randrange(self.area.start, self.area.stop)
            if self.medium.idle(first, 1):
                return first

    def command(self, first, count, durable):
        """One of the commands that change the medium: (CDB, Data-Out, Write)."""
        self.generation += 1
        kind, fua = self.random.random(), self.random.random() < 0.25
        if self.logged and any(lba in self.medium.volatile for lba in range(first, first + count)):
            fua = False
        new = Write(first, count, self.generation, durable or fua)
        if kind < 0.04 and "UNMAP" not in self.without:
            data = scsi.unmap_list([(first, count)])
            return scsi.unmap(len(data)), data, Write(first, count, NEVER, durable)
        if kind < 0.08 and "NDOB" not in self.without:
            return scsi.write_same16(first, count, 0x01), b"", Write(first, count, NEVER, durable)  # NDOB
        if kind < 0.14 and count <= 64 and "COMPARE" not in self.without:
            old = b"".join(content(lba, self.medium.newest(lba)) for lba in new.blocks())
            cdb = bytearray(scsi.compare_and_write(first, count))
            cdb[1] |= FUA * fua
            return bytes(cdb), old + new.data(), new
        if kind < 0.2 and "ATOMIC" not in self.without:
            cdb = bytearray(scsi.write_atomic16(first, count))
            cdb[1] |= FUA * fua
            return bytes(cdb), new.data(), new
        build = scsi.write10 if kind < 0.6 else scsi.write16
        return build(first, count, FUA * fua), new.data(), new

    def receive(self, session):
        session.receive("the answer to a write")
        over = [(task, what) for task, what in self.in_flight if task.done or task.rejected is not None]
        self.in_flight = [(task, what) for task, what in self.in_flight if not task.done and task.rejected is None]
        for task, what in over:
            if str(task) != "good":
                raise Lost(f"CDB {task.cdb.hex()} under load: {task}")
            if isinstance(what, Write):
                self.medium.good(what)
                self.counts["written"] += 1
                self.counts["durable"] += what.durable
            else:
                self.medium.synchronized(what)
                self.counts["synchronized"] += 1


class Registrant:
    """Registers one new key after the other; a kill leaves the last acknowledged one or the one on its way."""

    def __init__(self, session, lun, key):
        self.session, self.lun, self.keys = session, lun, [key]
        self.task = None

    def step(self):
        """Goes on when the last answer has come; does not wait for it."""
        if self.task is None:
            key = self.keys[-1]
            self.keys.append(key + 1)
            cdb, data = pr_out(scsi.REGISTER, key=key, service_key=key + 1, aptpl=True)
            self.task = self.session.command(cdb, self.lun, write=data)
        elif self.session.wire.received or select.select([self.session.wire.socket], [], [], 0)[0]:
            self.session.receive("the answer to REGISTER")
            if self.task.done:
                if str(self.task) != "good":
                    raise Lost(f"REGISTER of key {self.keys[-1]:#x}: {self.task}")
                del self.keys[:-1]
                self.task = None

    def allowed(self):
        return set(self.keys)
