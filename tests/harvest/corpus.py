"""Invented papers that the local services have."""

import random
from dataclasses import dataclass, field

_WORDS = ("lattice", "ranking", "cache", "galaxy", "tokens", "proof", "graph", "pruning", "query", "spectrum", "video")
_PEOPLE = ("Ada Byron", "Wei Zhou", "Mária Kovács", "Tunde Okafor", "Lena Brandt")


@dataclass
class Entry:
    """A paper of a service.

    Attributes:
        number: Its number in the corpus.
        stamp: When its record was changed last, as a date.
        versions: When each version was submitted, as dates.
        categories: Its categories, the primary one first.
        title: Its title.
        is_deleted: Whether the repository has deleted its record.
        is_withdrawn: Whether the last version withdraws it.
    """

    number: int
    stamp: str
    versions: list[str]
    categories: tuple[str, ...]
    title: str
    is_deleted: bool = False
    is_withdrawn: bool = False

    @property
    def id(self) -> str:
        return f"{self.versions[0][2:4]}{self.versions[0][5:7]}.{self.number:05}"

    @property
    def abstract(self) -> str:
        words = random.Random(self.number).choices(_WORDS, k=14)
        return f"We examine {' '.join(words)} & more of them < {self.number}."

    @property
    def authors(self) -> list[str]:
        return [_PEOPLE[self.number % 5], _PEOPLE[(self.number // 5 + 1) % 5]]


@dataclass
class Corpus:
    """The papers, and the day that it is.

    Attributes:
        entries: The papers.
        today: The day, for the date of responses.
    """

    entries: list[Entry] = field(default_factory=list)
    today: str = "2026-04-15"

    def add(self, number: int, day: str, categories: tuple[str, ...] = ("cs.IR",)) -> Entry:
        """Adds a paper that is submitted and listed on a day."""
        words = random.Random(-number).choices(_WORDS, k=3)
        entry = Entry(number, day, [day], categories, f"On {' '.join(words)} {number}")
        self.entries.append(entry)
        return entry

    def listed(self) -> list[Entry]:
        """The papers in the order in which arXiv lists them: by the day of their last change, then by ID."""
        return sorted(self.entries, key=lambda entry: (entry.stamp, entry.id))


def make_corpus(count: int) -> Corpus:
    """Makes a corpus of papers of 2026, three a day, of which every fourth is not in cs.IR."""
    corpus = Corpus()
    for number in range(count):
        day = number // 3
        categories = ("cs.CL", "cs.LG") if number % 4 == 3 else ("cs.IR", "cs.LG")
        corpus.add(number, f"2026-{1 + day // 28:02}-{1 + day % 28:02}", categories)
    return corpus
