"""What programs and databases write where a value is missing."""

import re

_MAX_CHARACTERS = 60
"""Longer texts are values."""
_PLACEHOLDER = re.compile(
    r"""\#?n/?a|nan|null|none|nil|undefined|<na>|\(null\)|\(none\)|[-–—‐?._]+
    |\[\s*(?:
        (?:no|not)\s[^\[\]]*?(?:available|given|listed|provided|specified|supplied|entered|applicable)
        |no\s(?:authors?|abstract|title|date|doi|keywords?|source|name)
        |anonymous|unknown|unavailable|missing|untitled|[-–—?.]*
    )\s*\]\.?
    |no\s(?:authors?|abstract|title|date|doi|keywords?|source|publisher|journal|pages?|volume|issue)
        (?:\s(?:ids?|names?|information|is|was))*\s(?:available|found|given|listed|provided|specified)\.?""",
    re.IGNORECASE | re.VERBOSE,
)
"""Missing values of spreadsheets, pandas, R and databases, and what Scopus, PubMed and others write in brackets, as in
``[No author id available]`` and ``[Not Available].``"""


_FIRST_CHARACTERS = "#nNuU<([-–—‐?._"
"""What placeholders start with."""


def is_placeholder(text: str) -> bool:
    """Whether a text only says that there is no value."""
    text = text.strip()
    return len(text) <= _MAX_CHARACTERS and text[:1] in _FIRST_CHARACTERS and bool(_PLACEHOLDER.fullmatch(text))
