"""Character references of HTML, as in ``&amp;``, ``&#955;`` and ``&lambda;``."""

import html
import re
from html.entities import html5

_REFERENCE = re.compile(r"&(?:amp;)*(#(?:\d{1,7}|[xX][0-9a-fA-F]{1,6})|[A-Za-z][A-Za-z0-9]{0,31});")
"""A reference, of which ``&`` may have been escaped again, once or more."""


def decode_references(text: str) -> str:
    """The text with characters in place of references; one with an unknown name stays as it is."""
    return _REFERENCE.sub(_decode, text) if "&" in text else text


def _decode(match: re.Match[str]) -> str:
    name = match[1]
    return html.unescape(f"&{name};") if name.startswith("#") else html5.get(name + ";", f"&{name};")
