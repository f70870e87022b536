"""How long a name takes to be found among a million different ones: the names of a corpus, 20,000 given names with each
of the two most common surnames, and as many more as are needed of its given names and surnames in other pairs, as often
as they occur. And how long it takes to tell which names are near one with a letter wrong that nobody has.

    python -m benchmarks.authors PAPERS.jsonl.xz
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence, Sized
from datetime import date
from pathlib import Path
from statistics import median

from benchmarks import results
from indexer import sources
from indexer.sources.file import SourceFile
from search.columns.authors import AuthorNames, AuthorsBuilder
from search.papers import names
from search.papers.paper import Paper

_TOTAL_NAMES, _NAMES_PER_COMMON_SURNAME, _QUERY_COUNT, _SEED = 1_000_000, 20_000, 500, 7
_ROUNDS = 5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("papers", type=Path)
    written = _read_names(options.parse_args().papers)
    real = len(written)
    start = time.perf_counter()
    held = _build_author_names(written)
    asked = _query_forms(random.Random(_SEED).sample(written, _QUERY_COUNT))
    results.save(
        "authors",
        {
            "names": len(held),
            "building_s": round(time.perf_counter() - start, 1),
            "keys": len(held.order),
            "names_of": {surname: len(held.match(surname)) for surname in ("Wang", "Zhang", "Li", "Chen")},
            "lookup": {form: _time_queries(held.match, queries) for form, queries in asked.items()},
            "did_you_mean": {
                form: _time_queries(held.match_fuzzy, _misspellings(held, queries)) for form, queries in asked.items()
            },
            "longest": {
                "lookup": _time_queries(held.match, _LONG_QUERIES),
                "did_you_mean": _time_queries(held.match_fuzzy, _LONG_QUERIES),
            },
        },
        dataset=f"{real:,} names of a corpus, the others paired anew",
    )


def _read_names(path: Path) -> list[str]:
    read = (record for record in sources.read(SourceFile(path, date.today())) if isinstance(record, Paper))
    return list(dict.fromkeys(author for paper in read for author in paper.authors))


def _build_author_names(written: Sequence[str]) -> AuthorNames:
    draw, builder = random.Random(_SEED), AuthorsBuilder(AuthorNames.empty())
    ids = {builder.add(name) for name in written}
    parts = [name.rsplit(" ", 1) for name in written if name.count(" ") == 1]
    for surname in ("Wang", "Zhang"):
        given = list(dict.fromkeys(first for first, _ in parts))[:_NAMES_PER_COMMON_SURNAME]
        ids |= {builder.add(f"{first} {surname}") for first in given}
    ids.discard(None)
    while len(ids) < _TOTAL_NAMES:
        ids.add(builder.add(f"{draw.choice(parts)[0]} {draw.choice(parts)[1]}"))
    return builder.build()


def _query_forms(written: Sequence[str]) -> dict[str, list[str]]:
    plain = [name.rsplit(" ", 1) for name in written if " " in name]
    return {
        "first last": [f"{first} {last}" for first, last in plain],
        "last, first": [f"{last}, {first}" for first, last in plain],
        "f. last": [f"{first[0]}. {last}" for first, last in plain],
        "last": [last for _, last in plain],
        "common": [
            f"{given} {last}".strip()
            for given in ("Wei", "Y.", "Xin Yu", "Xinyu", "X. Y.", "J.-H.", "")
            for last in ("Wang", "Zhang", "Li", "Chen", "Kumar", "Silva", "Kim")
        ],
        "umlauts": ["Müller", "Mueller, Th.", "Jürgen Schmidhuber", "Juergen Jaeger", "Sørensen, S.", "Köhler"],
        "families": ["García Márquez, G.", "Garcia Marquez", "de Bruyn Kops", "van der Maaten, L.", "de la Cruz"],
    }


def _misspellings(held: AuthorNames, written: Sequence[str]) -> list[str]:
    """The names with another letter in some place but the first, where that makes nobody's name."""
    draw, found = random.Random(_SEED), []
    for name in written:
        place = draw.randrange(1, max(2, len(name)))
        other = name[:place] + draw.choice("abcdefghijklmnopqrstuvwxyz") + name[place + 1 :]
        if not len(held.match(other)):
            found.append(other)
    return found[:200]


def _time_queries(find: Callable[[str], Sized], queries: Sequence[str]) -> dict[str, float]:
    """Percentiles over the queries of each one's median time, what names can mean forgotten every time."""
    if not queries:
        return {}
    taken = [median(_time_once(find, query) for _ in range(_ROUNDS)) for query in queries]
    return {"queries": len(queries), **results.percentiles(taken), "max_ms": round(max(taken) * 1e3, 2)}


def _time_once(find: Callable[[str], Sized], query: str) -> float:
    names.interpretations.cache_clear()
    start = time.perf_counter()
    find(query)
    return time.perf_counter() - start


_LONG_QUERIES = ("x" * 200, "ab " * 66, "Wang " + "x" * 150, "li " * 60, "Wei " * 49 + "Wang")


if __name__ == "__main__":
    main()
