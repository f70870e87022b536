"""An index in Milvus Lite and the same papers on this machine: totals, the first ten hits, latency, round trips.

python -m benchmarks.milvus INDEX --papers 20000 --questions 300

The papers are the first ones of INDEX, whose vectors are used again. The questions are words of papers; each is asked
without a filter and with one drawn from another paper.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from benchmarks.queries import generate_queries
from indexer.build import index
from search.embedding.embedder import Embedder, load_embedder
from search.embedding.model import ModelIdentity
from search.index.snapshot import Snapshot
from search.milvus.address import Address
from search.milvus.backend import MilvusBackend
from search.milvus.copying import copy_snapshot
from search.papers.date import Date
from search.papers.kinds import KINDS
from search.papers.paper import Paper
from search.query.condition import AllOf, AnyOf, Author, Category, Condition, ContainsText, HasKind, InDateRange, Not
from search.query.filter import Filter
from search.query.query import Query
from search.searcher import Searcher

_TOP = 10
_SEED = 7


class StoredEmbedder:
    """Returns the vectors that an index has of texts, and embeds other texts.

    Args:
        snapshot: the index.
        rows: the rows of its papers.
    """

    def __init__(self, snapshot: Snapshot, rows: Sequence[int]) -> None:
        self.model = snapshot.model
        self._embedder: Embedder | None = None
        papers = snapshot.store.get(rows)
        self._vectors = dict(
            zip((paper.text for paper in papers), snapshot.vectors.get_vectors(np.array(rows)), strict=True)
        )

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if all(text in self._vectors for text in texts):
            return np.stack([self._vectors[text] for text in texts])
        return np.stack([self._encode(text) for text in texts])

    def _encode(self, text: str) -> NDArray[np.float32]:
        if text in self._vectors:
            return self._vectors[text]
        self._embedder = self._embedder or load_embedder(self.model.name, self.model.precision, serving=True)
        return np.asarray(self._embedder.encode([text])[0], np.float32)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("index", type=Path)
    options.add_argument("--papers", type=int, default=20_000)
    options.add_argument("--questions", type=int, default=300)
    options.add_argument("--folder", type=Path, help="Where both indexes are made, or are from an earlier run.")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        _measure(Snapshot.open(arguments.index), folder, arguments.papers, arguments.questions)


def _measure(source: Snapshot, folder: Path, papers: int, questions: int) -> None:
    embedder = StoredEmbedder(source, source.live.ids[:papers].tolist())
    load: Callable[[ModelIdentity], Embedder] = lambda _model: embedder  # noqa: E731
    seconds = _build(source, folder, papers, embedder)
    local = Searcher(folder / "local", load)
    remote = Searcher(str(_address(folder)), load)
    snapshot = local.snapshot
    assert isinstance(snapshot, Snapshot)
    texts = list(islice(generate_queries(snapshot, _SEED), questions))
    filters = _draw_filters(snapshot, questions)
    figures: dict[str, object] = {"papers_per_index": len(snapshot.live), **seconds}
    for name, conditions in (("no filter", [None] * questions), ("with a filter", filters)):
        figures[name] = _compare(
            local, remote, [Query(text, Filter(where=each)) for text, each in zip(texts, conditions, strict=True)]
        )
    packages = {package: version(package) for package in ("milvus-lite", "pymilvus")}
    results.save("milvus", {"packages": packages, **figures}, dataset=f"the first {papers:,} of arXiv's, by import")


def _address(folder: Path) -> Address:
    return Address("", str(folder / "papers.db"), "papers")


def _build(source: Snapshot, folder: Path, papers: int, embedder: Embedder) -> dict[str, object]:
    """Makes both indexes, unless they exist, and returns how long it took."""
    if (folder / "papers.db").exists():
        return {}
    folder.mkdir(exist_ok=True)
    lines = (json.dumps(paper.to_dict()) for paper in source.store.get(source.live.ids[:papers].tolist()))
    (folder / "papers.jsonl").write_text("\n".join(lines), "utf-8")
    started = time.perf_counter()
    index([folder / "papers.jsonl"], folder / "local", embedder)
    built = time.perf_counter()
    address = _address(folder)
    client = address.connect()
    copy_snapshot(Snapshot.open(folder / "local"), client, address.collection, address.dialect)
    client.close()
    copied = time.perf_counter()
    size = sum(file.stat().st_size for file in (folder / "papers.db").rglob("*") if file.is_file())
    return {
        "local_import_s": round(built - started, 1),
        "copy_into_milvus_s": round(copied - built, 1),
        "milvus_bytes_per_paper": size // papers,
    }


def _draw_filters(snapshot: Snapshot, count: int) -> list[Condition]:
    """Returns filters that some paper matches, of one to three conditions, with alternatives and exclusions."""
    draw = random.Random(_SEED)
    rows = draw.choices(snapshot.live.ids.tolist(), k=3 * count)
    papers = iter(snapshot.store.get(rows))
    found: list[Condition] = []
    for paper in papers:
        if len(found) == count:
            break
        parts = [part for make in draw.sample(_LEAVES, draw.randint(1, 3)) if (part := make(draw, paper))]
        if not parts:
            continue
        if draw.random() < 0.2 and (other := _LEAVES[1](draw, next(papers))):
            parts[0] = AnyOf((parts[0], other))
        if draw.random() < 0.2 and (excluded := draw.choice(_LEAVES)(draw, next(papers))):
            parts.append(Not(excluded))
        found.append(AllOf(tuple(parts)))
    return found


def _author(draw: random.Random, paper: Paper) -> Condition | None:
    if not paper.authors:
        return None
    name = draw.choice(paper.authors)
    spelling = draw.choice((name, name.split()[-1], f"{name[0]}. {name.split()[-1]}"))
    return Author(spelling, draw.choice(("any", "any", "first", "last")))


def _category(draw: random.Random, paper: Paper) -> Condition | None:
    if not paper.categories:
        return None
    code = draw.choice(paper.categories)
    return Category(draw.choice((code, code.split(".")[0])), primary=draw.random() < 0.3)


def _dates(draw: random.Random, paper: Paper) -> Condition | None:
    if not paper.published:
        return None
    year = paper.published.year
    return InDateRange(
        Date(year - draw.randint(0, 3)), Date(year, draw.randint(1, 12)) if draw.random() < 0.5 else None
    )


def _words(draw: random.Random, paper: Paper) -> Condition | None:
    words = (paper.title or "").split()
    if not words:
        return None
    start = draw.randrange(len(words))
    is_phrase = draw.random() < 0.5
    text = " ".join(words[start : start + draw.randint(1, 3)]) if is_phrase else words[start]
    if not any(character.isalnum() for character in text):
        return None
    return ContainsText(text, draw.choice(("any", "title", "abstract")), is_phrase)


def _kind(draw: random.Random, paper: Paper) -> Condition | None:  # noqa: ARG001
    return HasKind(draw.choice(KINDS))


_LEAVES = (_author, _category, _dates, _words, _kind)


def _compare(local: Searcher, remote: Searcher, queries: Sequence[Query]) -> dict[str, object]:
    """Answers queries with both and returns how far the answers agree."""
    overlaps, times, trips, requests = [], {"local": [], "milvus": []}, [], []  # type: ignore[var-annotated]
    differing = 0
    for query in queries:
        pages = {}
        for name, searcher in (("local", local), ("milvus", remote)):
            session = searcher.session()
            backend = session.snapshot
            before = (backend.round_trips, backend.requests) if isinstance(backend, MilvusBackend) else (0, 0)
            started = time.perf_counter()
            pages[name] = session.search(query)
            times[name].append(time.perf_counter() - started)
            if isinstance(backend, MilvusBackend):
                trips.append(backend.round_trips - before[0])
                requests.append(backend.requests - before[1])
        expected = [hit.paper.id for hit in pages["local"].hits[:_TOP]]
        found = [hit.paper.id for hit in pages["milvus"].hits[:_TOP]]
        differing += pages["local"].total != pages["milvus"].total
        if pages["local"].total != pages["milvus"].total:
            print(query.filter.where, pages["local"].total, pages["milvus"].total, flush=True)
        if expected:
            overlaps.append(len(set(expected).intersection(found)) / len(expected))
    return {
        "questions": len(queries),
        "questions_with_hits": len(overlaps),
        "overlap_of_the_first_ten": round(fmean(overlaps), 4),
        "differing_totals": differing,
        "local": results.percentiles(times["local"]),
        "milvus": results.percentiles(times["milvus"]),
        "round_trips_mean": round(fmean(trips), 2),
        "round_trips_max": max(trips),
        "requests_mean": round(fmean(requests), 2),
        "requests_max": max(requests),
    }


if __name__ == "__main__":
    main()
