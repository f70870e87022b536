"""Opens the address of a paper in the web browser of this computer, where there is one to see."""

import os
import sys
import webbrowser

_SSH_VARIABLES = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
"""Set by sshd in a session (ssh(1), "Environment"): a browser would open on the other computer, or not at all."""
_DISPLAY_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY")
"""One of them is set in a graphical session on Linux. Without, ``webbrowser`` starts lynx or w3m in this terminal."""


def open_address(address: str) -> bool:
    """Opens an address; returns False if it has to be shown instead.

    Args:
        address: of a paper; only http and https are opened, whatever its source says.
    """
    if not address.lower().startswith(("http://", "https://")) or not _has_browser():
        return False
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False


def _has_browser() -> bool:
    """Whether the user sits at this computer and it has a graphical session."""
    if any(os.environ.get(name) for name in _SSH_VARIABLES):
        return False
    return sys.platform == "darwin" or any(os.environ.get(name) for name in _DISPLAY_VARIABLES)
