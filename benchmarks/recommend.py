"""Recommendations against baselines: hides a third of each library and looks for it among all papers of the index.

The libraries are the papers of authors in the index, of two or three authors together, and of users' files, which have
to be in the index; ``--tuning`` uses those on which the constants were chosen. Baselines: the mean vector, the nearest
paper of the library, and arxiv-sanity's support vector machine on tf-idf of all papers. No method sees authors.

    python -m benchmarks.recommend INDEX WORK [--seconds 170] [--tuning]        # until all libraries are measured
    python -m benchmarks.recommend INDEX WORK --users "a.bib b.bib" "c.ris"     # the files of one library in quotes
    python -m benchmarks.recommend INDEX WORK --all-papers                      # the SVM with all papers, which is slow
    python -m benchmarks.recommend INDEX WORK --report                          # benchmarks/results/recommend.json
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from benchmarks.recommend_libraries import Corpus, HeldOut, author_libraries, hold_out, user_libraries
from search import open_index
from search.papers.date import Date
from search.query.filter import Filter
from search.query.hit import Hit
from search.query.library import Library
from search.query.page import Page
from search.ranking.filtered_index import FilteredIndex
from search.recommendations.recommend import EmbeddedLibrary, recommend
from search.recommendations.tuning import RECOMMENDATION_TUNING
from search.session import Session
from service.evaluation.runs import Difference, paired_difference

_TUNING = {"one author": slice(0, 80), "several authors": slice(0, 80)}
"""Libraries on which constants were chosen."""
_TEST = {"one author": slice(100, 150), "several authors": slice(80, 130)}
_NEWEST = 25
"""Libraries of each kind of which the newest third is hidden as well."""
_USER_SPLITS = 3
"""Random splits of each user's library."""
_DEPTH = 1_000
"""Ranks that count for the average precision."""
_PAGE = 20
"""Hits of the page on which the shares of authors are compared."""
_SVM_COST_OF_ALL = 0.1
"""Better than arxiv-sanity's .01 on the tuning libraries."""
_SVM_COST = 0.4
"""The same weight of errors with ``_SVM_NEGATIVES`` of 155,274 papers."""
_SVM_NEGATIVES = 40_000
"""Papers that the baseline separates the library from; all papers take ten times as long (``--all-papers``)."""
_SVM_SEED = 0
_MEASURES = ("nDCG@20", "nDCG@100", "R@100", "AP")
_SVM_OF_ALL = "tf-idf SVM, all papers"
_PRODUCT, _BASELINES = "product", ("mean vector", "tf-idf SVM", "nearest paper")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("work", type=Path, help="folder for the tf-idf matrix and the measures of each library")
    parser.add_argument("--seconds", type=float, default=170, help="stop after this time; the next run continues")
    parser.add_argument("--tuning", action="store_true", help="the tuning libraries")
    parser.add_argument("--users", nargs="*", default=[], help="users' libraries, the files of each in quotes")
    parser.add_argument("--all-papers", action="store_true", help="separate the first libraries from all papers")
    parser.add_argument("--report", action="store_true", help="write the results")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.report:
        results.save(
            "recommend", _report(options.work), dataset="155,274 papers of arXiv; for users' libraries, these as well"
        )
        return
    session = open_index(options.index).session()
    corpus = Corpus.read(session.snapshot)
    bench = Bench(session, corpus, options.work)
    groups = [[Path(name) for name in group.split()] for group in options.users]
    cases = (
        _user_cases(session, corpus, groups) if groups else _author_cases(corpus, _TUNING if options.tuning else _TEST)
    )
    name = "users" if groups else "tuning" if options.tuning else "all-papers" if options.all_papers else "test"
    measure = bench.measure_svm if options.all_papers else bench.measure
    bench.run(cases, options.work / f"{name}.jsonl", time.monotonic() + options.seconds, measure)


def _author_cases(corpus: Corpus, chosen: dict[str, slice]) -> Iterator[tuple[str, HeldOut]]:
    singles, groups, rows_of = author_libraries(corpus)
    kinds = list(zip(chosen, (singles, groups), strict=True))
    for number in range(max(each.stop - each.start for each in chosen.values())):
        for kind, libraries in kinds:
            names = libraries[chosen[kind]][number]
            yield kind, hold_out(corpus, names, rows_of, "random")
            if number < _NEWEST:
                yield f"{kind}, newest third", hold_out(corpus, names, rows_of, "newest")


def _user_cases(session: Session, corpus: Corpus, groups: Sequence[Sequence[Path]]) -> Iterator[tuple[str, HeldOut]]:
    for held_out in user_libraries(session.snapshot, corpus, groups, _USER_SPLITS):
        yield f"user: {held_out.name.rpartition(' ')[0]}", held_out


class Bench:
    """Ranks the papers of one index by all methods.

    Args:
        session: answers from the index.
        corpus: its papers.
        work: folder in which the tf-idf matrix is kept.
    """

    def __init__(self, session: Session, corpus: Corpus, work: Path) -> None:
        self._session, self._corpus = session, corpus
        rows = np.arange(len(corpus.papers))
        self._live = session.snapshot.live.mask
        self._vectors = session.snapshot.vectors.get_vectors(rows)
        self._features = _tfidf(corpus, work / f"tfidf-{len(rows)}.npz")

    def run(
        self,
        cases: Iterator[tuple[str, HeldOut]],
        path: Path,
        end: float,
        measure: Callable[[HeldOut], dict[str, Any]],
    ) -> None:
        """Adds the measures of each case to a file, unless it has them, until a time is over."""
        done = (
            {json.loads(line)["library"] for line in path.read_text("utf-8").splitlines()} if path.exists() else set()
        )
        for kind, case in cases:
            if case.name in done:
                continue
            if time.monotonic() > end:
                return
            record = {"kind": kind, "library": case.name, "known": len(case.known), "hidden": len(case.hidden)}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record | measure(case)) + "\n")

    def measure_svm(self, case: HeldOut) -> dict[str, Any]:
        """Returns the measures of arxiv-sanity's method with all papers as negative examples."""
        ranks = self._rank(case, self._svm(case, len(self._live), _SVM_COST_OF_ALL))
        return {"measures": {_SVM_OF_ALL: _measures(ranks, len(case.hidden))}}

    def measure(self, case: HeldOut) -> dict[str, Any]:
        """Returns the measures of all methods, how the pages divide between authors, and the seconds of a query."""
        known = self._vectors[case.known]
        mean = known.mean(axis=0)
        methods = {
            "mean vector": self._rank(case, self._vectors @ mean),
            "nearest paper": self._rank(case, (self._vectors @ known.T).max(axis=1)),
            "tf-idf SVM": self._rank(case, self._svm(case, _SVM_NEGATIVES, _SVM_COST)),
        }
        start = time.perf_counter()
        page = self._recommend(case)
        seconds = time.perf_counter() - start
        by_score = sorted(page.hits, key=lambda hit: -hit.score)
        pages = {
            _PRODUCT: page.hits,
            "product without shares": by_score,
            "product, round robin": _round_robin(by_score),
        }
        methods |= {name: self._rank_hits(case, hits) for name, hits in pages.items()}
        methods["density alone"] = self._rank_hits(case, self._density_hits(case))
        shares = {name: self._shares(case, hits[:_PAGE]) for name, hits in pages.items()}
        return {
            "measures": {name: _measures(ranks, len(case.hidden)) for name, ranks in methods.items()},
            "shares": shares,
            "seconds": round(seconds, 3),
        }

    def _rank(self, case: HeldOut, scores: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Returns the ranks of the hidden papers, from 1."""
        allowed = self._live & (self._corpus.days >= case.since)
        allowed[case.known] = False
        scores = np.where(allowed, scores, -np.inf)
        return np.array([np.count_nonzero(scores > scores[row]) + 1 for row in case.hidden])

    def _rank_hits(self, case: HeldOut, hits: Sequence[Hit]) -> NDArray[np.int64]:
        rank = {hit.paper.id: number for number, hit in enumerate(hits, 1)}
        return np.array([rank.get(self._corpus.papers[row].id, 10**9) for row in case.hidden])

    def _svm(self, case: HeldOut, negatives: int, cost: float) -> NDArray[np.float64]:
        from sklearn.svm import LinearSVC

        sample = np.random.default_rng(_SVM_SEED).choice(len(self._live), negatives, replace=False)
        rows = np.concatenate((case.known, np.setdiff1d(sample, case.known)))
        machine = LinearSVC(C=cost, class_weight="balanced", tol=1e-3, max_iter=10_000, random_state=0)
        machine.fit(self._features[rows], np.isin(rows, case.known))
        return machine.decision_function(self._features)

    def _recommend(self, case: HeldOut) -> Page:
        library = Library(tuple(self._corpus.papers[row].id for row in case.known))
        return self._session.recommend(library, filter=_filter(case), limit=_DEPTH)

    def _density_hits(self, case: HeldOut) -> list[Hit]:
        """Returns the papers of highest density, without their words and without shares."""
        index = FilteredIndex.of(self._session.snapshot, _filter(case).condition, tuple(case.known.tolist()))
        library = EmbeddedLibrary([self._corpus.papers[row] for row in case.known], self._vectors[case.known])
        page = recommend(index, library, _DEPTH, replace(RECOMMENDATION_TUNING, words_weight=0.0))
        return sorted(page.hits, key=lambda hit: -hit.score)

    def _shares(self, case: HeldOut, hits: Sequence[Hit]) -> dict[str, float]:
        """Returns how the shares of authors on a page differ from those in the library.

        A hit belongs to the author of the nearest paper of the library.
        """
        owner_of = {self._corpus.papers[row].id: case.owners[row] for row in case.known.tolist()}
        count = max(case.owners.values()) + 1
        library = np.bincount(list(owner_of.values()), minlength=count) / len(owner_of)
        near = [owner_of[hit.near.id] for hit in hits if hit.near and hit.near.id]
        page = np.bincount(near, minlength=count) / max(len(near), 1)
        return {
            "total_variation": round(float(np.abs(page - library).sum() / 2), 4),
            "least_share": round(float((page / library).min()), 4),
        }


def _filter(case: HeldOut) -> Filter:
    """Returns the filter for papers as new as the hidden ones."""
    return Filter(published_from=Date.parse(date.fromordinal(case.since).isoformat()) if case.since else None)


def _tfidf(corpus: Corpus, path: Path) -> Any:
    """Returns the tf-idf matrix of arxiv-sanity-lite's ``compute.py``, without authors."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not path.exists():
        vectorizer = TfidfVectorizer(
            strip_accents="unicode",
            stop_words="english",
            token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",
            ngram_range=(1, 2),
            max_features=20_000,
            sublinear_tf=True,
            max_df=0.1,
            min_df=5,
            dtype=np.float32,
        )
        sparse.save_npz(path, vectorizer.fit_transform(paper.text for paper in corpus.papers))
    return sparse.load_npz(path).tocsr()


def _round_robin(hits: Sequence[Hit]) -> list[Hit]:
    """Returns one hit of each interest in turn."""
    waiting: dict[int, list[Hit]] = {}
    for hit in hits:
        waiting.setdefault(hit.near.interest if hit.near else 0, []).append(hit)
    turns = [(turn, -hit.score, hit) for queue in waiting.values() for turn, hit in enumerate(queue)]
    return [hit for _, _, hit in sorted(turns, key=lambda each: each[:2])]


def _measures(ranks: NDArray[np.int64], hidden: int) -> dict[str, float]:
    """Returns the measures of one ranking, with a gain of 1 for each hidden paper."""
    ranks = np.maximum.accumulate(np.sort(ranks) - np.arange(len(ranks))) + np.arange(len(ranks))  # ties in any order
    gains, found = 1 / np.log2(ranks + 1), np.arange(1, len(ranks) + 1)

    def ndcg(depth: int) -> float:
        ideal = 1 / np.log2(np.arange(2, min(hidden, depth) + 2))
        return float(gains[ranks <= depth].sum() / ideal.sum())

    precision = np.where(ranks <= _DEPTH, found / ranks, 0).sum() / hidden
    return dict(zip(_MEASURES, (ndcg(20), ndcg(100), float((ranks <= 100).mean()), float(precision)), strict=True))


def _report(work: Path) -> dict[str, object]:
    kinds: dict[str, list[dict[str, Any]]] = {}
    for name in ("test", "users"):
        path = work / f"{name}.jsonl"
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            record = json.loads(line)
            kinds.setdefault(record["kind"], []).append(record)
    return {
        "svm_negatives": _SVM_NEGATIVES,
        "svm_of_all_papers": _compare_svm(work, kinds),
        "kinds": {kind: _summarise(records) for kind, records in kinds.items()},
    }


def _compare_svm(work: Path, kinds: dict[str, list[dict[str, Any]]]) -> dict[str, object]:
    """Compares the product with the SVM of all papers, on the libraries that have both."""
    path = work / "all-papers.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    found = {record["library"]: record["measures"] for record in map(json.loads, lines)}
    compared: dict[str, object] = {}
    both = [record for kind in _TEST for record in kinds.get(kind, [])]
    for kind, records in {**kinds, "one and several authors": both}.items():
        joined = [
            each | {"measures": each["measures"] | found[each["library"]]}
            for each in records
            if each["library"] in found
        ]
        if joined:
            names = (_SVM_OF_ALL, "tf-idf SVM", _PRODUCT)
            compared[kind] = {
                "libraries": len(joined),
                "measures": {name: _means(joined, name) for name in names},
                "product_less_baseline": _differences(joined, _SVM_OF_ALL),
            }
    return compared


def _means(records: Sequence[dict[str, Any]], method: str) -> dict[str, float]:
    return {each: _mean([record["measures"][method][each] for record in records]) for each in _MEASURES}


def _differences(records: Sequence[dict[str, Any]], baseline: str) -> dict[str, dict[str, float]]:
    """Returns the differences of the product to a baseline."""

    def values(method: str, measure: str) -> dict[str, float]:
        return {each["library"]: each["measures"][method][measure] for each in records}

    return {each: _round(paired_difference(values(_PRODUCT, each), values(baseline, each))) for each in _MEASURES}


def _summarise(records: Sequence[dict[str, Any]]) -> dict[str, object]:
    return {
        "libraries": len(records),
        "known_papers": _mean([each["known"] for each in records]),
        "hidden_papers": _mean([each["hidden"] for each in records]),
        "measures": {method: _means(records, method) for method in records[0]["measures"]},
        "product_less_baseline": {each: _differences(records, each) for each in _BASELINES},
        "shares": {
            name: {
                key: _mean([each["shares"][name][key] for each in records])
                for key in ("total_variation", "least_share")
            }
            for name in records[0]["shares"]
        },
        "median_seconds": round(float(np.median([each["seconds"] for each in records])), 3),
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def _round(difference: Difference) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(difference).items()}


if __name__ == "__main__":
    main()
