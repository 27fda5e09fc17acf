"""One SCSI task as the initiator sees it, and the outcome of anything that was asked of a target."""

from dataclasses import dataclass, field

from . import scsi
from .pdu import Pdu
from .sense import Sense


@dataclass
class Task:
    itt: int
    lun: int
    cdb: bytes
    expected_length: int
    read_length: int          # bytes we allow in; 0 when the R bit is clear
    data_out: bytes           # what we have to send; may be shorter than expected_length
    sent: int = 0             # unsolicited bytes that went, or will go, without an R2T
    automatic: bool = True    # answer R2Ts from data_out
    data_in: bytearray = field(default_factory=bytearray)
    data_in_pdus: list = field(default_factory=list)
    r2ts: list = field(default_factory=list)
    open_r2ts: dict = field(default_factory=dict)  # TTT: bytes still owed
    reassigned: bool = False  # to another connection, and no R2T has come since
    r2ts_lost: int = 0        # that were sent by a connection before its end was noticed
    burst: int = 0            # bytes of the current Data-In sequence
    answer: Pdu = None        # the PDU that carried the status
    status: int = None
    response: int = 0
    sense: Sense = None
    overflow: int = 0
    underflow: int = 0
    rejected: int = None      # reason of a Reject that named this task

    @property
    def done(self):
        return self.answer is not None

    def __str__(self):
        if self.rejected is not None:
            return f"reject {self.rejected:02x}"
        if not self.done:
            return "no answer"
        if self.response:
            return f"response {self.response:02x}"
        name = scsi.STATUS_NAMES.get(self.status, f"status {self.status:02x}")
        return f"{name} {self.sense}" if self.sense else name
