"""Citation keys: what a paper is cited by, the same in every file it is ever written to."""

import hashlib
from collections.abc import Sequence

from search.papers import names
from search.papers.folding import fold
from search.papers.paper import Paper
from service.formats.person import Person

_SMALL = frozenset(
    """a an the of on in for to and or with from by at as is are be do does can how what why when which via using
    toward towards into over under beyond its it we our not""".split()  # noqa: SIM905
)
_MARK = 4
"""Digits of the id's hash in a key: of two papers of one name, year and word, one in 65,536 pairs shares them."""


def keys(papers: Sequence[Paper]) -> list[str]:
    """A key each: first author, year, first word of the title that says something, and a mark of the id, such as
    ``zhou2026kwai-3f2a``. It depends on the paper alone, so that two files that are joined do not clash; of papers in
    one file that do, the later ones get a longer mark."""
    found: dict[str, None] = {}
    for paper in papers:
        digest = hashlib.blake2b(_id(paper).encode("utf-8", "surrogatepass")).hexdigest()
        named, length = "".join((_author(paper), _year(paper), _word(paper))) or "paper", _MARK
        while f"{named}-{digest[:length]}" in found:
            length += 1
        found[f"{named}-{digest[:length]}"] = None
    return list(found)


def _id(paper: Paper) -> str:
    return paper.id if paper.ids else paper.text


def _author(paper: Paper) -> str:
    if not paper.authors:
        return ""
    person = Person.of(paper.authors[0])
    return _ascii(names.parse(person.inverted).surname if person.family else person.name.partition(" ")[0])


def _year(paper: Paper) -> str:
    return f"{paper.published.year:04}" if paper.published else ""


def _word(paper: Paper) -> str:
    words = (_ascii(word) for word in fold(paper.title or paper.abstract or "").split())
    return next((word for word in words if len(word) > 1 and word not in _SMALL), "")


def _ascii(text: str) -> str:
    folded = fold(text).encode("ascii", "ignore").decode()
    return "".join(character for character in folded if character.isalnum())[:24]
