"""How long a name takes to be found among a million different ones: the names of a corpus, and as many more as are
needed of its given names and surnames in other pairs, as often as they occur.

    python -m benchmarks.authors PAPERS.jsonl.xz
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence, Sized
from datetime import date
from pathlib import Path

from benchmarks import results
from indexer import sources
from indexer.sources.file import SourceFile
from search import names
from search.authors import AuthorNames, AuthorsBuilder
from search.paper import Paper

_NAMES, _ASKED, _SEED = 1_000_000, 2_000, 7


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("papers", type=Path)
    written = _of(options.parse_args().papers)
    real = len(written)
    start = time.perf_counter()
    held = _million(written)
    asked = _forms(random.Random(_SEED).sample(written, _ASKED // 4))
    results.save(
        "authors",
        {
            "names": len(held),
            "building_s": round(time.perf_counter() - start, 1),
            "most_common_surname": max(len(held.matching(surname)) for surname in ("Wang", "Zhang", "Li", "Chen")),
            "lookup": {form: _timed(held.matching, queries) for form, queries in asked.items()},
            "did_you_mean": _timed(held.close, asked["first last"][:100]),
        },
        papers=f"{real:,} names of a corpus, the others paired anew",
    )


def _of(path: Path) -> list[str]:
    read = (record for record in sources.read(SourceFile(path, date.today())) if isinstance(record, Paper))
    return list(dict.fromkeys(author for paper in read for author in paper.authors))


def _million(written: Sequence[str]) -> AuthorNames:
    draw, builder = random.Random(_SEED), AuthorsBuilder(AuthorNames.empty())
    ids = {builder.add(name) for name in written}
    parts = [name.rsplit(" ", 1) for name in written if name.count(" ") == 1]
    while len(ids) < _NAMES:
        ids.add(builder.add(f"{draw.choice(parts)[0]} {draw.choice(parts)[1]}"))
    return builder.authors()


def _forms(written: Sequence[str]) -> dict[str, list[str]]:
    plain = [name.rsplit(" ", 1) for name in written if " " in name]
    return {
        "first last": [f"{first} {last}" for first, last in plain],
        "last, first": [f"{last}, {first}" for first, last in plain],
        "f. last": [f"{first[0]}. {last}" for first, last in plain],
        "last": [last for _, last in plain],
        "common": [
            f"{given} {last}" for given in ("Wei", "Y.", "Xin Yu", "") for last in ("Wang", "Zhang", "Li", "Chen")
        ],
        "umlauts": ["Müller", "Mueller, Th.", "Jürgen Schmidhuber", "Juergen Jaeger", "Sørensen, S.", "Köhler"],
        "families": ["García Márquez, G.", "Garcia Marquez", "de Bruyn Kops", "van der Maaten, L.", "de la Cruz"],
    }


def _timed(find: Callable[[str], Sized], queries: Sequence[str]) -> dict[str, float]:
    """Each for the first time: what names can mean is remembered."""
    taken = []
    for query in queries:
        names.readings.cache_clear()
        start = time.perf_counter()
        find(query)
        taken.append(time.perf_counter() - start)
    return {**results.percentiles(taken), "max_ms": round(max(taken) * 1e3, 2)}


if __name__ == "__main__":
    main()
