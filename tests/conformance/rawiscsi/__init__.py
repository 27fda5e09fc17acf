"""A raw-PDU iSCSI initiator for tests: it can send any byte, and checks every byte it receives."""
