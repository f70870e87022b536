"""Libraries for ``benchmarks.recommend``: the papers of authors, of several authors together, and of users' files."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from indexer import sources
from indexer.library import find_library
from indexer.sources.file import FileGroup, SourceFile
from search.index.snapshot import Snapshot
from search.papers.paper import Paper

Protocol = Literal["random", "newest"]
"""Which third of a library is hidden."""

_PAPERS = range(12, 61)
"""Number of papers of an author whose papers are a library."""
_MAX_AUTHORS = 30
"""Authors of a paper beyond which it says little about each of them."""
_MIN_COMPONENT = 0.8
"""Share of the papers of a name that co-authors have to connect; others may be a namesake's."""
_MIN_ARCHIVE_SHARE = 0.7
"""Share of the papers of a name that have to be in the same archive."""
_SINGLE_AUTHORS = 300
"""Authors whose libraries are used as they are; those of the others are joined."""
_MIN_ABSTRACT = 200
"""Characters of an abstract without which a paper of a user's library is not used: it would be told by its length."""
_SEEDS = {"authors": 17, "libraries": 3}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A library divided into papers that are known and papers that are to be found.

    Attributes:
        name: identifies the library and the split.
        known: (n,) int64 rows.
        hidden: (m,) int64 rows.
        owners: the part of the library that each known row belongs to, such as its author.
        since: the first day of papers that are ranked; 0 for all.
    """

    name: str
    known: NDArray[np.int64]
    hidden: NDArray[np.int64]
    owners: dict[int, int]
    since: int = 0


@dataclass(frozen=True, slots=True)
class Corpus:
    """The papers of an index, by row."""

    papers: list[Paper]
    days: NDArray[np.int64]

    @classmethod
    def read(cls, snapshot: Snapshot) -> "Corpus":
        """Reads all papers of an index."""
        papers = snapshot.store.get(list(range(snapshot.manifest.rows)))
        days = [paper.published.first_day if paper.published else 0 for paper in papers]
        return cls(papers, np.array(days, np.int64))

    def category(self, row: int) -> str:
        """Returns the primary category of a paper; empty without one."""
        return next(iter(self.papers[row].categories), "")


def author_libraries(corpus: Corpus) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], dict[str, list[int]]]:
    """Returns single authors, groups of two or three authors of different categories, and the rows of each author.

    No paper is in two libraries, so that they are independent.
    """
    rows_of = _find_authors(corpus)
    names = list(rows_of)
    generator = random.Random(_SEEDS["libraries"])
    generator.shuffle(names)
    rest = names[_SINGLE_AUTHORS:]
    field = {name: Counter(map(corpus.category, rows_of[name])).most_common(1)[0][0] for name in names}
    groups = []
    while rest:
        size, group = generator.choice((2, 3)), [rest.pop()]
        for _ in range(size - 1):
            fields = {field[name] for name in group}
            other = next((at for at in range(len(rest) - 1, -1, -1) if field[rest[at]] not in fields), None)
            if other is None:
                break
            group.append(rest.pop(other))
        if len(group) == size:
            groups.append(tuple(group))
    return [(name,) for name in names[:_SINGLE_AUTHORS]], groups, rows_of


def hold_out(corpus: Corpus, names: Sequence[str], rows_of: dict[str, list[int]], protocol: Protocol) -> HeldOut:
    """Hides a third of the papers of authors: at random, or the newest, which are sought among papers as new."""
    rows = [row for name in names for row in rows_of[name]]
    if protocol == "random":
        random.Random(repr((list(names), 0))).shuffle(rows)
    else:
        rows.sort(key=lambda row: (corpus.days[row], row))
    count = len(rows) // 3
    known, hidden = np.array(rows[:-count]), np.array(rows[-count:])
    owners = {row: number for number, name in enumerate(names) for row in rows_of[name]}
    since = 0 if protocol == "random" else int(corpus.days[hidden].min())
    return HeldOut(f"{protocol} {' + '.join(names)}", known, hidden, owners, since)


def user_libraries(snapshot: Snapshot, corpus: Corpus, groups: Sequence[Sequence[Path]], splits: int) -> list[HeldOut]:
    """Hides a random third of users' libraries, several times. Papers without an abstract are left out."""
    found = []
    for paths in groups:
        group = FileGroup(paths)
        records = [each for path in paths for each in sources.read(SourceFile(path, date.today(), group=group))]
        rows = [row for paper_id in find_library(snapshot, records).ids if (row := snapshot.find_row(paper_id))]
        rows = sorted({row for row in rows if len(corpus.papers[row].abstract or "") >= _MIN_ABSTRACT})
        for split in range(splits):
            shuffled = random.Random(split).sample(rows, len(rows))
            count = len(rows) // 3
            known, hidden = np.array(shuffled[:-count]), np.array(shuffled[-count:])
            found.append(HeldOut(f"{paths[0].name} {split}", known, hidden, dict.fromkeys(rows, 0)))
    return found


def _find_authors(corpus: Corpus) -> dict[str, list[int]]:
    """Returns the rows of authors of 12 to 60 papers, all different, in random order."""
    by_name = defaultdict[str, list[int]](list)
    for row, paper in enumerate(corpus.papers):
        if len(paper.authors) <= _MAX_AUTHORS:
            for name in dict.fromkeys(paper.authors):
                by_name[name].append(row)
    coherent = {}
    for name, rows in by_name.items():
        if len(rows) in _PAPERS and _is_full_name(name):
            connected = _largest_component(corpus, name, rows)
            archives = Counter(corpus.category(row).split(".")[0] for row in connected)
            is_coherent = archives.most_common(1)[0][1] >= _MIN_ARCHIVE_SHARE * len(connected)
            if is_coherent and len(connected) >= max(_PAPERS.start, _MIN_COMPONENT * len(rows)):
                coherent[name] = sorted(connected)
    names = sorted(coherent)
    random.Random(_SEEDS["authors"]).shuffle(names)
    used, found = set[int](), {}
    for name in names:
        if used.isdisjoint(coherent[name]):
            found[name] = coherent[name]
            used.update(coherent[name])
    return found


def _is_full_name(name: str) -> bool:
    """Whether a name has at least two words and no initials: initials are shared by more people."""
    words = name.split()
    return len(words) >= 2 and all(len(word.strip(".")) > 1 and not word.endswith(".") for word in words)


def _largest_component(corpus: Corpus, name: str, rows: Sequence[int]) -> list[int]:
    """Returns the most papers that co-authors other than the author connect."""
    parent, first = {row: row for row in rows}, dict[str, int]()

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for row in rows:
        for other in corpus.papers[row].authors:
            if other != name:
                parent[root(row)] = root(first.setdefault(other, row))
    components = defaultdict[int, list[int]](list)
    for row in rows:
        components[root(row)].append(row)
    return max(components.values(), key=len)
