"""Invented works that the local services have, with all fields that the services send of a paper."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

_WORDS = ("lattice", "ranking", "cache", "galaxy", "tokens", "proof", "graph", "pruning", "spectrum", "video")
_PEOPLE = (("Ada", "Byron"), ("Wei", "Zhou"), ("Mária", "Kovács"), ("Tunde", "Okafor"), ("Lena", "Brandt"))
_JOURNALS = (("Letters of Lattices", "1234-5679"), ("Annals of Ranking", "2049-3630"))
FIRST_DAY = date(2026, 1, 1)


@dataclass
class Work:
    """A work.

    Attributes:
        number: Its number, which all of its IDs have.
        title: Its title.
        published: Its day of publication.
        entered: The day on which the service got it.
        changed: The day on which its record was changed last.
        is_retracted: Whether it is retracted.
        is_deleted: Whether the service has deleted it.
    """

    number: int
    title: str
    published: date
    entered: date
    changed: date
    is_retracted: bool = False
    is_deleted: bool = False

    @property
    def abstract(self) -> str:
        words = random.Random(self.number).choices(_WORDS, k=14)
        return f"We examine {' '.join(words)} and more of them in case {self.number}."

    @property
    def authors(self) -> list[tuple[str, str]]:
        """Given and family names."""
        return [_PEOPLE[self.number % 5], _PEOPLE[(self.number // 5 + 1) % 5]]

    @property
    def journal(self) -> str:
        return _JOURNALS[self.number % 2][0]

    @property
    def issn(self) -> str:
        return _JOURNALS[self.number % 2][1]

    @property
    def doi(self) -> str:
        return f"10.5555/test.{self.number}"

    @property
    def pmid(self) -> str:
        return str(30_000_000 + self.number)

    def has_words(self, words: list[str]) -> bool:
        """Whether title and abstract have all words."""
        text = f"{self.title} {self.abstract}".casefold()
        return all(word.casefold() in text for word in words)


@dataclass
class Works:
    """The works of a service, and the day that it is.

    Attributes:
        works: The works.
        today: The day.
    """

    works: list[Work] = field(default_factory=list)
    today: date = date(2026, 4, 15)

    def add(self, day: date | None = None) -> Work:
        """Adds a work that is published and enters the service on a day; without one, today."""
        number, day = len(self.works), day or self.today
        words = random.Random(-number).choices(_WORDS, k=3)
        work = Work(number, f"On {' '.join(words)} {number}", day, day, day)
        self.works.append(work)
        return work

    def change(self, number: int) -> Work:
        """Changes the title of a work today."""
        work = self.works[number]
        work.title, work.changed = f"{work.title} revised", self.today
        return work

    @property
    def live(self) -> list[Work]:
        return [work for work in self.works if not work.is_deleted]

    def titles(self, *, since: date = FIRST_DAY, issn: str = "") -> set[str]:
        """The titles of the works that a service has."""
        return {each.title for each in self.live if each.published >= since and issn in ("", each.issn)}


def make_works(count: int, per_day: int = 3) -> Works:
    """Makes works of 2026, some a day."""
    works = Works()
    for number in range(count):
        works.add(FIRST_DAY + timedelta(days=number // per_day))
    return works
