"""What can go wrong in a conversation with a target, told apart."""


class Violation(AssertionError):
    """The target sent something that the standard forbids."""


class NoAnswer(AssertionError):
    """The target did not do what was waited for within the limit."""


class Closed(Exception):
    """The target ended the TCP connection (FIN or RST)."""
