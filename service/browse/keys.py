"""The keys of the list. Where the web page has the same action, it has the same key (``docs/page.md``)."""

KEYS = (
    ("j, k, arrows", "next and previous paper; also Page Up and Down, Home, End"),
    ("Enter", "read the paper; Esc: back to the list"),
    ("o", "open it in the web browser; over ssh, show its address"),
    ("s", "similar papers"),
    ("t", "star it, or take its star away"),
    ("l", "add it, or all marked papers, to a list"),
    ("x", "mark it, or not any more"),
    ("y", "show its BibTeX entry, and copy it if the terminal can"),
    ("e", "export the marked papers, or all of the list, to a file"),
    ("/", "another query, with the same filters"),
    ("m", "more papers; moving to the last one loads them too"),
    ("Esc, Backspace", "back to the list before"),
    ("?", "show the keys"),
    ("q", "quit"),
)
"""Each key with what it does."""
LIST_KEYS = "? keys  q quit  Enter read  / search  t star  x mark  e export  s similar"
"""The most used keys, for the last line of the list. It fits in 78 columns; the first keys matter most."""
PAPER_KEYS = "? keys  q back  j next  k before  t star  x mark  o open  y BibTeX  s similar"
"""The same for a paper."""


def help_text() -> str:
    """Returns all keys, one on each line."""
    width = max(len(key) for key, _ in KEYS)
    return "\n".join(f"{key:{width}}  {action}" for key, action in KEYS)
