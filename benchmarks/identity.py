"""Measures which records of a corpus become one paper, and which merges are proposed.

``judged_pairs.jsonl`` has all pairs of papers of the arXiv corpus that share a title, or a sentence at the start of
their abstracts, and whether both are versions of one work: resubmitted, retitled, or in a short and a long version. A
different part, a journal version with a further method under another name, a thesis and an overview of another year are
different works. A language model judged them by their titles, authors and abstracts.

    python -m benchmarks.identity PAPERS.jsonl.xz
"""

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path

from benchmarks import results
from indexer import identity, sources
from indexer.decisions import Decisions
from indexer.grouping import group_records
from indexer.sources.file import SourceFile
from search.papers import names
from search.papers.date import Date
from search.papers.fingerprint import normalize_words
from search.papers.paper import Paper

_JUDGED_PAIRS = Path(__file__).parent / "judged_pairs.jsonl"
_KEPT_WORDS = 0.6
"""Share of the words of an abstract that a copy keeps."""
_SEED = 7
_Group = list[tuple[int, Paper]]
"""The records of a paper, each with its place in the list of records."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", type=Path, help="file with the papers of the corpus")
    papers = _read_papers(parser.parse_args().papers)
    judged = _read_judged()
    start = time.perf_counter()
    as_imported = _merged_pairs(papers)
    seconds = time.perf_counter() - start
    without_ids = [replace(paper, ids=()) for paper in papers]
    titles_only = [replace(paper, abstract=None) for paper in without_ids]
    results.save(
        "identity",
        {
            "merges": len(as_imported),
            "seconds": round(seconds, 1),
            "without_ids": _judge(papers, _merged_pairs(without_ids), judged),
            "without_ids_and_abstracts": _judge(papers, _merged_pairs(titles_only), judged),
            "second_source": _measure_copies(papers, judged),
            "proposals": _measure_proposals(papers, judged),
        },
        dataset=f"{len(papers):,} papers of arXiv",
    )


def _read_papers(path: Path) -> list[Paper]:
    return [record for record in sources.read(SourceFile(path, date.today())) if isinstance(record, Paper)]


def _read_judged() -> dict[frozenset[str], bool]:
    lines = map(json.loads, _JUDGED_PAIRS.read_text("utf-8").splitlines())
    return {frozenset((line["one"], line["other"])): line["same"] for line in lines}


def _merged_pairs(records: Sequence[Paper]) -> list[tuple[int, int]]:
    """Returns the pairs of records, by position, that become one paper."""
    return [
        (one, other)
        for group in _group_all(records)
        for (one, _), (other, _) in combinations(sorted(group, key=lambda item: item[0]), 2)
    ]


def _group_all(records: Sequence[Paper]) -> list[_Group]:
    """Divides records into papers as a writer does, and returns the papers with several records."""
    records = list(map(identity.ensure_id, records))
    components = list(range(len(records)))

    def find(place: int) -> int:
        while components[place] != place:
            components[place] = place = components[components[place]]
        return place

    for one, other in _pairs_with_a_key(records):
        if find(one) != find(other) and identity.is_same_paper(records[one], records[other]):
            components[find(one)] = find(other)
    by_component = defaultdict[int, list[int]](list)
    for place in range(len(records)):
        by_component[find(place)].append(place)
    groups: list[_Group] = []
    for places in by_component.values():
        if len(places) > 1:
            divided = group_records({str(place): records[place] for place in places}, Decisions())
            groups += [[(int(place), record) for place, record in group.items()] for group in divided if len(group) > 1]
    return groups


def _pairs_with_a_key(records: Iterable[Paper]) -> set[tuple[int, int]]:
    by_key = defaultdict[int, list[int]](list)
    for place, record in enumerate(records):
        for key in identity.keys(record):
            by_key[key].append(place)
    return {pair for places in by_key.values() for pair in combinations(places, 2)}


def _judge(
    papers: Sequence[Paper], pairs: Iterable[tuple[int, int]], judged: dict[frozenset[str], bool]
) -> dict[str, int]:
    """Counts pairs by judgment; a pair that nobody judged has no key in common, so no index merges it."""
    found = [judged[frozenset((papers[one].id, papers[other].id))] for one, other in pairs]
    return {"merges": len(found), "same_work": sum(found), "other_work": len(found) - sum(found)}


def _measure_copies(papers: Sequence[Paper], judged: dict[frozenset[str], bool]) -> dict[str, object]:
    """Merges each paper with a copy of another source: no ID, initials, only a year, a shortened or no abstract."""
    generator = random.Random(_SEED)
    copies = [_copy(paper, generator) for paper in papers]
    groups = _group_all([*papers, *copies])
    count, own, wrong, ids = len(papers), 0, list[tuple[int, int]](), 0
    for group in groups:
        originals = {place for place, _ in group if place < count}
        copied = {place - count for place, _ in group if place >= count}
        own += len(originals & copied)
        wrong += [(copy, original) for original in originals for copy in copied - originals]
        ids += len(originals) > 1
    return {
        "copies": count,
        "merged_with_their_paper": own,
        "merged_with_another": _judge(papers, wrong, judged),
        "papers_with_two_ids": ids,
    }


def _copy(paper: Paper, generator: random.Random) -> Paper:
    words = (paper.abstract or "").split()
    abstract = " ".join(words[: int(len(words) * _KEPT_WORDS)]) if generator.random() < 0.5 else None
    return Paper(
        title=paper.title,
        abstract=abstract,
        authors=tuple(map(_abbreviate, paper.authors)),
        published=Date(paper.published.year) if paper.published else None,
        sources=("csv:copy",),
    )


def _abbreviate(author: str) -> str:
    name = names.parse(author)
    initials = " ".join(f"{given[0].upper()}." for given in name.given)
    family = " ".join((*name.other_family_words, name.surname))
    return f"{initials} {family}".strip()


def _measure_proposals(papers: Sequence[Paper], judged: dict[frozenset[str], bool]) -> dict[str, int]:
    by_id = {paper.id: paper for paper in papers}
    pairs = [(*(by_id[each] for each in sorted(pair)), same) for pair, same in judged.items() if pair <= by_id.keys()]
    proposed = [same for one, other, same in pairs if identity.is_possible_duplicate(one, other)]
    retitled = [same for one, other, same in pairs if _is_retitled(one, other)]
    return {
        "judged_pairs": len(pairs),
        "of_one_work": sum(same for _, _, same in pairs),
        "proposed": len(proposed),
        "proposed_of_one_work": sum(proposed),
        "equal_but_for_similar_titles": len(retitled),
        "equal_but_for_similar_titles_of_one_work": sum(retitled),
    }


def _is_retitled(one: Paper, other: Paper) -> bool:
    """Whether two papers would be merged but for their titles, which share half of their words."""
    a, b = (set(normalize_words(paper.title or "")) for paper in (one, other))
    same_title = replace(other, ids=(), title=one.title)
    return a != b and 2 * len(a & b) >= len(a | b) and identity.is_same_paper(replace(one, ids=()), same_title)


if __name__ == "__main__":
    main()
