#!/usr/bin/env python3
"""Makes the seeds of `session` that are written by hand: session_scenarios.py FOLDER. Steps are bytes as session.cc
takes them; a scenario is a few of them. What initiators do comes from record.py, what chance finds from keep.sh."""
import os
import struct
import sys

PLAIN, LEVEL_0, LEVEL_1, LEVEL_2 = 0x00, 0x01, 0x05, 0x04  # how a connection logs in; LEVEL_0 and 1 with digests
ANY_ORDER = 0x06
JOINS, CID_2 = 0x08, 0x20
TAG, IMMEDIATE, ODD, SPOILT = 0x01, 0x02, 0x04, 0x88  # `how` of a PDU
NO_TAG = 0xff
TEST_UNIT_READY, INQUIRY, WRITE_10 = b"\0", b"\x12\0\0\0\x24", 0x2a
ABORT_TASK, CLEAR_TASK_SET, REASSIGN = 1, 4, 8
DATA, STATUS, DATA_ACK, R_DATA = 0, 1, 2, 3


def tag_of(tag):
    """One of the eight of TAG, or any number, for how without TAG."""
    return tag if isinstance(tag, bytes) else bytes([tag])


def step(kind, host, how, rest=b"", settle=True):
    return bytes([kind | host << 3 | (0 if settle else 0x80), how]) + rest


def connect(host, variant):
    return step(7, host, variant)


def command(host, tag, cdb, how=TAG, flags=0x81, lun=0, length=0, data=None, settle=True):
    rest = tag_of(tag) + bytes([flags, lun]) + struct.pack(">H", length) + cdb.ljust(16, b"\0")
    rest += b"\0\0" if data is None else struct.pack(">H", 0x8000 | len(data)) + data
    return step(0, host, how, rest, settle)


def ready(host):
    """The unit attentions of both disks are told."""
    return b"".join(command(host, 7, TEST_UNIT_READY, lun=lun) for lun in (0, 1, 0, 1, 0, 1))


def transfer(host, tag, what, where, blocks, how=TAG, settle=True):
    """what: 1 a write, 2 on the disk with blocks of 4096, 4 unsolicited data follow; high half: immediate blocks."""
    return step(0, host, how | 0x40, bytes([what, where, blocks - 1, tag]), settle)


def read(host, tag, blocks=1):
    return transfer(host, tag, 0, 0, blocks)


def write(host, tag, blocks=8, how=TAG, more=0, settle=True):
    return transfer(host, tag, 1 | more, 0, blocks, how, settle)


def data_out(host, tag=0, how=TAG, rest=b"", settle=True):
    """how: 1 for the oldest R2T, 2 of another length (first two bytes of rest), 4 final, 0x20 with the DataSN and the
    place (in blocks) of rest."""
    return step(3, host, how, bytes([tag]) + rest, settle)


def from_the_end(host, r2t, size):
    return data_out(host, r2t, TAG | 2 | 0x80, struct.pack(">H", size))


def unsolicited(host, data_sn, block, size, how=0):
    return data_out(host, 1, how | 2, struct.pack(">H", size) + bytes([data_sn, block]))


def other(host, kind, rest, how=TAG | IMMEDIATE, settle=True):
    return step(2, host, how, bytes([kind]) + rest, settle)


def manage(host, function, tag=6, referenced=0, lun=0, how=TAG | IMMEDIATE):
    rest = bytes([function, lun, referenced, 1]) + (b"\0" if function == REASSIGN else b"")
    return other(host, 0, tag_of(tag) + rest, how)


def text(host, tag, flags, data=b"", how=TAG):
    return other(host, 1, bytes([tag, flags]) + struct.pack(">H", len(data)) + data, how)


def log_out(host, reason, cid, tag=5, settle=True):
    return other(host, 3, bytes([tag, reason, cid]), settle=settle)


def snack(host, kind, tag, run=0, back=0):
    return step(6, host, 0x40, bytes([kind | back << 2 | tag << 5, run]))


def operate(what):
    return step(5, 0, 0, bytes([what]))


def delay(seconds):
    return operate(3) + bytes([seconds << 4])


def wait(power):
    return operate(5 | power << 4)  # 0.1 s << power


def no_heap(count):
    return operate(0x0e | count << 4)


NO_BUFFERS, FEW_BUFFERS = operate(0x06), operate(0x16)

SCENARIOS = {
    # several connections of a session
    "two_connections": [LEVEL_0, connect(1, LEVEL_0 | JOINS | CID_2), ready(0), write(1, 1), write(0, 2), data_out(0),
                        data_out(1), read(1, 3)],
    "log_out_another": [LEVEL_0, connect(1, LEVEL_0 | JOINS | CID_2), ready(0), write(1, 1),
                        log_out(0, 1, 2), read(0, 2)],
    "log_out_myself": [LEVEL_0, connect(1, LEVEL_0 | JOINS | CID_2), ready(0), write(1, 1),
                       log_out(1, 1, 2), read(0, 2)],
    "log_out_twice": [LEVEL_2, connect(1, LEVEL_2 | JOINS | CID_2), ready(0), write(1, 1),
                      log_out(0, 2, 2, settle=False), log_out(0, 2, 2, tag=4)],
    "too_many_connections": [LEVEL_2, connect(1, LEVEL_2 | JOINS | CID_2), connect(2, LEVEL_2 | JOINS),
                             connect(3, LEVEL_2 | JOINS), ready(0)],
    "same_cid": [LEVEL_2, ready(0), write(0, 1), connect(1, LEVEL_2 | JOINS), manage(1, REASSIGN, referenced=1),
                 data_out(1), data_out(1), data_out(1), data_out(1)],
    "for_recovery": [LEVEL_2, ready(0), write(0, 1), read(0, 2), connect(1, LEVEL_2 | JOINS | CID_2),
                     log_out(1, 2, 1), manage(1, REASSIGN, referenced=1), manage(1, REASSIGN, referenced=2),
                     data_out(1), data_out(1), data_out(1), data_out(1)],
    "myself_for_recovery": [LEVEL_2, ready(0), write(0, 1), connect(1, LEVEL_2 | JOINS | CID_2), log_out(0, 2, 1),
                            manage(1, REASSIGN, referenced=1), data_out(1)],
    "reassigned_read": [LEVEL_2, ready(0), delay(2), read(0, 1, 4), connect(1, LEVEL_2 | JOINS | CID_2),
                        log_out(1, 2, 1), wait(6), manage(1, REASSIGN, referenced=1)],
    "reassigned_at_once": [LEVEL_2, ready(0), write(0, 1, 2), read(0, 2), connect(1, LEVEL_2 | JOINS | CID_2),
                           log_out(1, 2, 1, settle=False), manage(1, REASSIGN, referenced=1), data_out(1)],
    "not_for_recovery": [LEVEL_1, connect(1, LEVEL_1 | JOINS | CID_2), log_out(0, 2, 2), log_out(0, 1, 9)],
    # error recovery
    "r_data_of_a_live_task": [LEVEL_1, ready(0), delay(5), read(0, 1, 4), snack(0, R_DATA, 1), wait(7)],
    "status_snack_with_a_tag": [LEVEL_1, other(0, 5, b"\x01\x81\0\0", TAG)],
    "data_lost_before": [LEVEL_1, ready(0), write(0, 1), data_out(0, 0, TAG | 2 | 0x20 | ODD, b"\x02\x00\x01\x01"),
                         data_out(0)],
    "data_digest": [LEVEL_1, ready(0), write(0, 1), data_out(0, 0, TAG | SPOILT), data_out(0)],
    "data_digest_at_level_0": [LEVEL_0, ready(0), write(0, 1), data_out(0, 0, TAG | SPOILT)],
    # data that come before they are wanted
    "early_data": [PLAIN, ready(0), delay(2), write(0, 1, 1, more=4), data_out(0, 1, ODD, b"\0\0"), wait(6)],
    "early_data_wrong": [PLAIN, ready(0), delay(2), write(0, 1, 1, more=4), data_out(0, 1, ODD, b"\0\x09"), wait(6)],
    "data_beyond_the_r2t": [PLAIN, ready(0), write(0, 1), data_out(0, 0, TAG | 2 | 0x40, b"\x04")],
    "data_beyond_the_first_r2t": [LEVEL_0, ready(0), write(0, 1, 32),
                                  data_out(0, 0, TAG | 2 | 0x40, b"\x04"), data_out(0)],
    # data in any order
    "data_in_any_order": [ANY_ORDER, ready(0), write(0, 1, 48), from_the_end(0, 1, 2048), from_the_end(0, 0, 4096),
                          data_out(0, 2), data_out(0, 1, TAG | 2, b"\x02\0"), data_out(0), from_the_end(0, 0, 1024),
                          data_out(0), data_out(0), data_out(0)],
    "unsolicited_in_any_order": [ANY_ORDER, ready(0), delay(2), write(0, 1, 8, more=4), unsolicited(0, 0, 4, 1024),
                                 unsolicited(0, 1, 6, 1024), unsolicited(0, 2, 0, 1024), wait(6),
                                 unsolicited(0, 3, 2, 1024, ODD), data_out(0)],
    "data_in_pieces": [ANY_ORDER, ready(0), write(0, 1, 16),
                       *[data_out(0, 0, TAG | 2 | 0x20, b"\2\0" + bytes([sn, place]))
                         for sn, place in enumerate((9, 3, 12, 4, 2, 8))], wait(2)],
    "data_in_any_order_twice": [ANY_ORDER, ready(0), write(0, 1, 16), from_the_end(0, 0, 2048),
                                data_out(0, 0, TAG | 2 | 0x20, b"\x08\0\1\x0d")],
    "task_that_ends_in_disorder": [ANY_ORDER, ready(0), write(0, 1, 48), from_the_end(0, 1, 2048),
                                   manage(0, ABORT_TASK, referenced=1), data_out(0, 1), data_out(0), data_out(0)],
    # memory
    "no_memory_for_a_task": [PLAIN, no_heap(1), command(0, 1, TEST_UNIT_READY), command(0, 2, TEST_UNIT_READY)],
    "no_memory_and_data_follow": [PLAIN, no_heap(1), write(0, 1, 4, more=4)],
    "no_memory_to_keep_data": [LEVEL_1, ready(0), no_heap(1), read(0, 1, 4), snack(0, DATA, 1), snack(0, R_DATA, 1)],
    "no_buffers": [PLAIN, ready(0), delay(2), NO_BUFFERS, write(0, 1, 1, more=4), data_out(0, 1, ODD, b"\0\0"),
                   command(0, 2, INQUIRY, flags=0xc1, length=36), wait(0)],
    "small_buffers": [PLAIN, ready(0), FEW_BUFFERS, transfer(0, 1, 3, 0, 24), *[data_out(0)] * 12, wait(0)],
    # the rest
    "nine_immediate": [PLAIN, ready(0), *[write(0, tag, 1, TAG | IMMEDIATE) for tag in range(8)],
                       command(0, b"\1\0\0", TEST_UNIT_READY, IMMEDIATE),
                       manage(0, CLEAR_TASK_SET, b"\2\0\0", how=IMMEDIATE)],
    "management_without_a_tag": [PLAIN, manage(0, ABORT_TASK, tag=NO_TAG)],
    "text_of_another_tag": [PLAIN, text(0, 1, 0x00), text(0, 2, 0x80, how=TAG | 0x10)],
}


def main():
    for name, (variant, *steps) in SCENARIOS.items():
        with open(os.path.join(sys.argv[1], name), "wb") as out:
            out.write(bytes([variant]) + b"".join(steps))
    print(f"{len(SCENARIOS)} seeds")


if __name__ == "__main__":
    main()
