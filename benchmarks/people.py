"""Measures how well the people behind one name are told apart: precision, recall and F1 of pairs of papers.

    python -m benchmarks.people INDEX              # the tuning half
    python -m benchmarks.people INDEX --report     # both halves: benchmarks/results/people.json

Three kinds of names, each in a tuning and a test half:

- labelled: common names of the index, whose papers were assigned to people by hand (``people_labels.jsonl``; null for
  papers that could not be assigned);
- merged: the papers of two to six rare full names, none of them coauthors of each other, under one invented name, from
  all fields or from one category;
- single: rare full names, which presumably are those of one person each.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from search import open_index
from search.index.snapshot import Snapshot
from search.papers.names import Name
from search.people.clustering import group_by_person
from search.people.evidence import FEATURES, PairEvidence
from search.query.condition import Author

Half = Literal["tuning", "test"]
_LABELS = Path(__file__).with_name("people_labels.jsonl")
_MAX_SURNAME_KEYS = 25
"""Most keys with the surname of a rare name."""
_MIN_PAPERS, _MAX_PAPERS = 4, 40
"""Papers of a rare name."""
_INVENTED_NAMESAKES = 0.1
"""Expected namesakes of an invented name, which is that of a few people."""
_SETS = 80
"""Invented names, and single ones."""
_MIN_NAMES_PER_CATEGORY = 12
_SEED = {"tuning": 2, "test": 11}
_TIMED_NAMES = ("Yang Liu", "Wei Zhang", "Hao Chen", "Jian Sun")


@dataclass(frozen=True, slots=True, eq=False)
class NamePapers:
    """The papers of one name.

    Attributes:
        rows: (n,) int64.
        authors: the author ids.
        people: (n,) int64, the person of each paper; -1 if unknown.
        namesakes: the expected ones.
        is_invented: whether the spellings give the people away and must not be seen.
    """

    rows: NDArray[np.int64]
    authors: NDArray[np.int64]
    people: NDArray[np.int64]
    namesakes: float
    is_invented: bool = False


class Names:
    """The names of an index by kind.

    Args:
        snapshot: the index.
        half: which half of the names.
    """

    def __init__(self, snapshot: Snapshot, half: Half) -> None:
        self._snapshot, self._half = snapshot, half
        self._columns = snapshot.columns
        self._random = random.Random(_SEED[half])
        self._rare = [author for author in self._find_rare() if author % 2 == (half == "test")]

    def labelled(self) -> Iterator[NamePapers]:
        for line in _LABELS.read_text("utf-8").splitlines():
            label = json.loads(line)
            if label["half"] != self._half:
                continue
            authors = self._columns.authors.match(label["name"])
            rows = self._live_rows(authors)
            found = [label["persons"].get(paper.id) for paper in self._snapshot.store.get(rows.tolist())]
            people = np.array([-1 if each is None else each for each in found])
            papers = self._columns.author_postings.count_by_value(self._snapshot.live, authors)
            namesakes = self._columns.authors.expected_namesakes(int(authors[papers.argmax()]))
            yield NamePapers(rows, authors, people, namesakes)

    def merged(self, *, same_category: bool) -> Iterator[NamePapers]:
        by_category: dict[int, list[int]] = defaultdict(list)
        for author in self._rare:
            by_category[self._main_category(author)].append(author)
        pools = [each for each in by_category.values() if len(each) >= _MIN_NAMES_PER_CATEGORY]
        for _ in range(_SETS):
            pool = self._random.choice(pools) if same_category else self._rare
            authors = np.array(self._strangers(pool, self._random.randint(2, 6)))
            rows = self._live_rows(authors)
            people = np.full(len(rows), -1)
            for number, author in enumerate(authors.tolist()):
                people[np.isin(rows, self._live_rows(np.array([author])))] = number
            yield NamePapers(rows, authors, people, _INVENTED_NAMESAKES, is_invented=True)

    def single(self) -> Iterator[NamePapers]:
        for author in self._random.sample(self._rare, _SETS):
            authors = np.array([author])
            rows = self._live_rows(authors)
            namesakes = self._columns.authors.expected_namesakes(author)
            yield NamePapers(rows, authors, np.zeros(len(rows), np.int64), namesakes)

    def _find_rare(self) -> Iterator[int]:
        table = self._columns.authors
        counts = np.diff(self._columns.author_postings.offsets)
        surnames = Counter(table.key(author).partition("|")[0] for author in range(len(table)))
        for author in np.flatnonzero((counts >= _MIN_PAPERS) & (counts <= _MAX_PAPERS)).tolist():
            name = Name.from_key(table.key(author))
            is_full = bool(name.given) and len(name.given[0]) > 2 and surnames[name.surname] <= _MAX_SURNAME_KEYS
            if is_full and len(table.match(table.display_name(author))) == 1:
                yield author

    def _main_category(self, author: int) -> int:
        return Counter(self._columns.categories.primary[self._live_rows(np.array([author]))].tolist()).most_common(1)[
            0
        ][0]

    def _strangers(self, pool: list[int], count: int) -> list[int]:
        """Draws authors of whom no two have written a paper together; fewer if that is hard."""
        chosen: list[int] = []
        for author in self._random.sample(pool, min(len(pool), 20 * count)):
            rows = self._live_rows(np.array([author]))
            if len(chosen) < count and all(
                not np.isin(rows, self._live_rows(np.array([each]))).any() for each in chosen
            ):
                chosen.append(author)
        return chosen

    def _live_rows(self, authors: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self._columns.author_postings.ids(authors)
        return rows[self._snapshot.live.contains(rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--report", action="store_true", help="both halves, saved")
    arguments = parser.parse_args()
    snapshot = open_index(arguments.index).session().snapshot
    halves: tuple[Half, ...] = ("tuning", "test") if arguments.report else ("tuning",)
    figures: dict[str, object] = {half: _measure(snapshot, half) for half in halves}
    if arguments.report:
        figures["time"] = _time_names(snapshot)
        results.save("people", figures, dataset=f"{snapshot.manifest.live:,} arXiv papers")
    else:
        print(json.dumps(figures, indent=1))


def _measure(snapshot: Snapshot, half: Half) -> dict[str, object]:
    names = Names(snapshot, half)
    kinds = {
        "labelled": names.labelled(),
        "merged": names.merged(same_category=False),
        "merged, one category": names.merged(same_category=True),
        "single": names.single(),
    }
    return {kind: _measure_names(snapshot, found) for kind, found in kinds.items()}


def _measure_names(snapshot: Snapshot, names: Iterator[NamePapers]) -> dict[str, object]:
    both = found = true = count = papers = 0
    for each in names:
        evidence = PairEvidence.gather(snapshot, each.rows, each.authors)
        if each.is_invented:
            evidence.features[FEATURES.index("spelling")] = 0
            evidence = replace(evidence, contradicts=np.zeros_like(evidence.contradicts))
        groups = group_by_person(evidence, each.namesakes)
        known = each.people >= 0
        upper = np.triu_indices(int(known.sum()), 1)
        is_true, is_found = ((values[known][:, None] == values[known])[upper] for values in (each.people, groups))
        both += int(np.count_nonzero(is_true & is_found))
        found, true = found + int(np.count_nonzero(is_found)), true + int(np.count_nonzero(is_true))
        count, papers = count + 1, papers + len(each.rows)
    precision, recall = both / max(found, 1), both / max(true, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    figures = {"precision": precision, "recall": recall, "f1": f1}
    return {"names": count, "papers": papers} | {name: round(value, 3) for name, value in figures.items()}


def _time_names(snapshot: Snapshot) -> dict[str, object]:
    """Returns the milliseconds of CPU time that telling people apart takes, the median of five runs."""
    found: dict[str, object] = {}
    for name in _TIMED_NAMES:
        authors = snapshot.columns.author_ids(Author(name))
        rows = snapshot.columns.author_postings.ids(authors)
        rows = rows[snapshot.live.contains(rows)]
        times = []
        for _ in range(5):
            start = time.process_time()
            group_by_person(PairEvidence.gather(snapshot, rows, authors), 1.0)
            times.append(time.process_time() - start)
        found[name] = {"papers": len(rows), "cpu_ms": round(1e3 * float(np.median(times)))}
    return found


if __name__ == "__main__":
    main()
