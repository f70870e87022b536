"""Measure: indexes the papers of a retrieval set, runs its queries and measures the answers."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.errors import InvalidValue, SourceError

if TYPE_CHECKING:
    from indexer.library import Counts
    from search.embedding.embedder import Embedder
    from search.query.query import Mode
    from search.searcher import Searcher
    from service.evaluation.beir import Corpus, RetrievalSet
    from service.evaluation.runs import Run

_MARK = "retrieval-set.json"
"""In the folder of an index that was made for a set: of which papers, and whether all of them are in."""

_SAID_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Asking:
    """How a set's queries are asked: in which mode, and for how many papers.

    Raises:
        InvalidValue: an unknown mode, or a depth that no page has.
    """

    mode: "Mode"
    depth: int = 100

    def __post_init__(self) -> None:
        from search.query.query import Query

        Query(mode=self.mode, limit=self.depth)


def indexed(truth: "RetrievalSet", corpus: "Corpus", embedder: "Embedder", directory: Path | None = None) -> Path:
    """The folder of an index of the set's papers, made if it is not there yet; what was begun is gone on with.

    Args:
        directory: where it lies or will; None for a folder in the cache that is named after papers and model.

    Raises:
        InvalidValue: the folder holds another index.
        IndexBusy: another process makes it. SourceError: the papers cannot be read to their end.
    """
    from search.index.layout import FORMAT

    made_of = f"{corpus.sha256[:16]}-{embedder.model.slug}-{FORMAT}"
    directory = directory or _cached(made_of)
    mark = directory / _MARK
    if not mark.exists() and directory.exists() and any(directory.iterdir()):
        raise InvalidValue("index", str(directory), "it was not made for a retrieval set; give an empty folder")
    known = json.loads(mark.read_text("utf-8")) if mark.exists() else {"made_of": made_of, "whole": False}
    if known["made_of"] != made_of:
        what = "its index is of other papers, another model or an older version; give another folder, or remove it"
        raise InvalidValue("index", str(directory), what)
    if not known["whole"]:
        directory.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(known), "utf-8")
        _index(truth, corpus, embedder, directory)
        mark.write_text(json.dumps({**known, "whole": True}), "utf-8")
    return directory


def _cached(made_of: str) -> Path:
    from search.embedding.export import cache_folder

    return cache_folder() / "eval" / made_of


def _index(truth: "RetrievalSet", corpus: "Corpus", embedder: "Embedder", directory: Path) -> None:
    from indexer.build import publish
    from indexer.library import Library
    from service.progress import Progress

    left_out = 0
    with Progress(sys.stderr) as progress, Library(directory, embedder, lambda: say(library.counts)) as library:

        def say(counts: "Counts") -> None:
            progress.show(counts, min(1.0, (counts.read - counts.waiting) / max(corpus.lines, 1)))

        for paper in truth.papers():
            if isinstance(paper, SourceError):
                left_out += 1
                click.echo(f"left out {paper}", err=True)
            else:
                library.add(paper)
                say(library.counts)
        library.flush()
        live = publish(library).live
    merged = f", {library.counts.merged:,} merged" if library.counts.merged else ""
    click.echo(f"{live:,} papers indexed{merged}, {left_out:,} left out; kept in {directory}", err=True)


def answered(searcher: "Searcher", truth: "RetrievalSet", corpus: "Corpus", asking: Asking) -> "Run":
    """Asks every query and measures what is found. A merged paper stands for each of its records, in their order."""
    from service.evaluation.runs import Asked, Run

    snapshot = searcher.snapshot
    model = f"{snapshot.model.name} {snapshot.model.precision}"
    asked = Asked(
        name=truth.folder.resolve().name,
        corpus=corpus.sha256,
        split=truth.split,
        part=truth.part,
        mode=asking.mode,
        model=model,
        papers=snapshot.manifest.live,
        depth=asking.depth,
    )
    rankings, said = {}, time.monotonic()
    for count, (query, text) in enumerate(truth.queries.items()):
        rankings[query] = _ranking(searcher, text, asking)
        if time.monotonic() - said > _SAID_EVERY_S:
            said = time.monotonic()
            click.echo(f"{count + 1:,} of {len(truth.queries):,} queries asked", err=True)
    return Run.measured(asked, rankings, truth)


def _ranking(searcher: "Searcher", text: str, asking: Asking) -> tuple[str, ...]:
    from search.query.query import Query
    from search.session import clean
    from service.evaluation.beir import ids_of

    if not clean(text):
        return ()
    try:
        page = searcher.search(Query(text, mode=asking.mode, limit=asking.depth))
    except InvalidValue as error:
        if asking.mode == "lexical" and error.field == "q":
            return ()  # none but stop words
        raise
    return tuple(name for hit in page.hits for name in ids_of(hit.paper))[: asking.depth]
