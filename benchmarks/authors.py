"""Measures how long a name lookup takes among a million authors, and a fuzzy lookup of a misspelled name.

The million names are those of a corpus, 20,000 of its given names combined with each of the two most common surnames,
and random pairs of its given names and surnames, drawn by frequency.

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

_TOTAL_NAMES = 1_000_000
"""Distinct names in the table."""
_COMMON_SURNAMES = ("Wang", "Zhang")
_NAMES_PER_COMMON_SURNAME = 20_000
"""Names added with each of the common surnames."""
_QUERY_COUNT = 500
"""Names of the corpus that queries are made from."""
_MAX_MISSPELLINGS = 200
"""Misspelled names per form."""
_ROUNDS = 5
"""Runs of each query, of which the median counts."""
_SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", type=Path, help="file with the papers of the corpus")
    corpus_names = _read_names(parser.parse_args().papers)
    start = time.perf_counter()
    authors = _build_author_names(corpus_names)
    build_s = time.perf_counter() - start
    forms = _query_forms(random.Random(_SEED).sample(corpus_names, _QUERY_COUNT))
    results.save(
        "authors",
        {
            "names": len(authors),
            "build_s": round(build_s, 1),
            "keys": len(authors.order),
            "names_of": {surname: len(authors.match(surname)) for surname in ("Wang", "Zhang", "Li", "Chen")},
            "lookup": {form: _time_queries(authors.match, queries) for form, queries in forms.items()},
            "did_you_mean": {
                form: _time_queries(authors.match_fuzzy, _misspellings(authors, queries))
                for form, queries in forms.items()
            },
            "longest": {
                "lookup": _time_queries(authors.match, _LONG_QUERIES),
                "did_you_mean": _time_queries(authors.match_fuzzy, _LONG_QUERIES),
            },
        },
        dataset=f"{len(corpus_names):,} names of a corpus, the others recombined from them",
    )


def _read_names(path: Path) -> list[str]:
    papers = (record for record in sources.read(SourceFile(path, date.today())) if isinstance(record, Paper))
    return list(dict.fromkeys(author for paper in papers for author in paper.authors))


def _build_author_names(corpus_names: Sequence[str]) -> AuthorNames:
    generator, builder = random.Random(_SEED), AuthorsBuilder(AuthorNames.empty())
    ids = {builder.add(name) for name in corpus_names}
    parts = [name.rsplit(" ", 1) for name in corpus_names if name.count(" ") == 1]
    for surname in _COMMON_SURNAMES:
        given = list(dict.fromkeys(first for first, _ in parts))[:_NAMES_PER_COMMON_SURNAME]
        ids |= {builder.add(f"{first} {surname}") for first in given}
    ids.discard(None)
    while len(ids) < _TOTAL_NAMES:
        ids.add(builder.add(f"{generator.choice(parts)[0]} {generator.choice(parts)[1]}"))
    return builder.build()


def _query_forms(corpus_names: Sequence[str]) -> dict[str, list[str]]:
    """Returns queries by form: five forms of names of the corpus and three lists of fixed names."""
    plain = [name.rsplit(" ", 1) for name in corpus_names if " " in name]
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


def _misspellings(authors: AuthorNames, correct: Sequence[str]) -> list[str]:
    """Replaces one letter, except the first, of each name; drops the results that match an author."""
    generator, misspelled = random.Random(_SEED), []
    for name in correct:
        index = generator.randrange(1, max(2, len(name)))
        variant = name[:index] + generator.choice("abcdefghijklmnopqrstuvwxyz") + name[index + 1 :]
        if not len(authors.match(variant)):
            misspelled.append(variant)
    return misspelled[:_MAX_MISSPELLINGS]


def _time_queries(find: Callable[[str], Sized], queries: Sequence[str]) -> dict[str, float]:
    """Returns percentiles over the median times of the queries, measured without the cache of interpretations."""
    if not queries:
        return {}
    seconds = [median(_time_once(find, query) for _ in range(_ROUNDS)) for query in queries]
    return {"queries": len(queries), **results.percentiles(seconds), "max_ms": round(max(seconds) * 1e3, 2)}


def _time_once(find: Callable[[str], Sized], query: str) -> float:
    names.interpretations.cache_clear()
    start = time.perf_counter()
    find(query)
    return time.perf_counter() - start


_LONG_QUERIES = ("x" * 200, "ab " * 66, "Wang " + "x" * 150, "li " * 60, "Wei " * 49 + "Wang")


if __name__ == "__main__":
    main()
