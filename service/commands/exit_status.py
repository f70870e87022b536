"""Exit statuses of ``papers``."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses of all commands; README.md lists them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 4
    INTERRUPTED = 130
    """128 + SIGINT, as shells report it."""
