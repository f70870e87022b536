"""Citation keys, the same for a paper in every export."""

import hashlib
from collections.abc import Sequence

from search.papers import names
from search.papers.folding import fold
from search.papers.paper import Paper
from service.formats.person import Person

_STOP_WORDS = frozenset(
    """a an the of on in for to and or with from by at as is are be do does can how what why when which via using
    toward towards into over under beyond its it we our not""".split()  # noqa: SIM905
)
_HASH_DIGITS = 4
"""Number of hexadecimal digits of the ID's hash in a key.

Two papers with the same author, year and word share them with a probability of 1 in 65,536.
"""


def citation_keys(papers: Sequence[Paper]) -> list[str]:
    """The citation key of each paper, such as ``zhou2026kwai-3f2a``.

    A key consists of the first author, the year, the first significant word of the title and a hash of the ID. It
    depends on the paper alone, so that exports can be concatenated; if keys in one list are equal, the later ones get
    more digits of the hash.
    """
    found: dict[str, None] = {}
    for paper in papers:
        digest = hashlib.blake2b(_identity(paper).encode("utf-8", "surrogatepass")).hexdigest()
        stem, length = "".join((_first_author(paper), _year(paper), _title_word(paper))) or "paper", _HASH_DIGITS
        while f"{stem}-{digest[:length]}" in found:
            length += 1
        found[f"{stem}-{digest[:length]}"] = None
    return list(found)


def _identity(paper: Paper) -> str:
    return paper.id if paper.ids else paper.text


def _first_author(paper: Paper) -> str:
    if not paper.authors:
        return ""
    person = Person.parse(paper.authors[0])
    return _to_ascii(names.parse(person.inverted).surname if person.family else person.name.partition(" ")[0])


def _year(paper: Paper) -> str:
    return f"{paper.published.year:04}" if paper.published else ""


def _title_word(paper: Paper) -> str:
    words = (_to_ascii(word) for word in fold(paper.title or paper.abstract or "").split())
    return next((word for word in words if len(word) > 1 and word not in _STOP_WORDS), "")


def _to_ascii(text: str) -> str:
    folded = fold(text).encode("ascii", "ignore").decode()
    return "".join(character for character in folded if character.isalnum())[:24]
