"""Measure: indexes the papers of a retrieval set, runs its queries and measures the answers."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.errors import InvalidValue, SourceError
from search.files import replace_file

if TYPE_CHECKING:
    from indexer.writer import ImportCounts
    from search.embedding.embedder import Embedder
    from search.query.query import Mode
    from search.searcher import Searcher
    from service.evaluation.beir import CorpusInfo, RetrievalSet
    from service.evaluation.runs import Run

_MARKER_FILE = "retrieval-set.json"
"""In the folder of an index that was made for a set: of which papers, and whether all of them are in."""

_PROGRESS_INTERVAL_S = 10.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a set's queries are asked: in which mode, and for how many papers.

    Raises:
        InvalidValue: an unknown mode, or a depth that no page has.
    """

    mode: "Mode"
    depth: int = 100

    def __post_init__(self) -> None:
        from search.query.query import Query

        Query(mode=self.mode, limit=self.depth)


def build_index(
    retrieval_set: "RetrievalSet", corpus_info: "CorpusInfo", embedder: "Embedder", directory: Path | None = None
) -> Path:
    """The folder of an index of the set's papers, made if it is not there yet; what was begun is gone on with.

    Args:
        directory: where it lies or will; None for a folder in the cache that is named after papers and model.

    Raises:
        InvalidValue: the folder holds another index.
        IndexBusy: another process makes it. SourceError: the papers cannot be read to their end.
    """
    from search.index.layout import FORMAT_VERSION

    made_of = f"{corpus_info.sha256[:16]}-{embedder.model.slug}-{FORMAT_VERSION}"
    directory = directory or _default_folder(made_of)
    mark = directory / _MARKER_FILE
    if not mark.exists() and directory.exists() and any(directory.iterdir()):
        raise InvalidValue("index", str(directory), "it was not made for a retrieval set; give an empty folder")
    known = json.loads(mark.read_text("utf-8")) if mark.exists() else {"made_of": made_of, "whole": False}
    if known["made_of"] != made_of:
        what = "its index is of other papers, another model or an older version; give another folder, or remove it"
        raise InvalidValue("index", str(directory), what)
    if not known["whole"]:
        directory.mkdir(parents=True, exist_ok=True)
        replace_file(mark, json.dumps(known))
        _index_corpus(retrieval_set, corpus_info, embedder, directory)
        replace_file(mark, json.dumps({**known, "whole": True}))
    return directory


def _default_folder(source: str) -> Path:
    from search.embedding.export import cache_folder

    return cache_folder() / "eval" / source


def _index_corpus(
    retrieval_set: "RetrievalSet", corpus_info: "CorpusInfo", embedder: "Embedder", directory: Path
) -> None:
    from indexer.build import publish
    from indexer.writer import IndexWriter
    from service.progress import Progress

    left_out = 0
    with Progress(sys.stderr) as progress, IndexWriter(directory, embedder, lambda: say(library.counts)) as library:

        def say(counts: "ImportCounts") -> None:
            progress.show(counts, min(1.0, (counts.read - counts.waiting) / max(corpus_info.lines, 1)))

        for paper in retrieval_set.iter_papers():
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


def run_queries(
    searcher: "Searcher", retrieval_set: "RetrievalSet", corpus_info: "CorpusInfo", options: RunOptions
) -> "Run":
    """Asks every query and measures what is found. A merged paper stands for each of its records, in their order."""
    from service.evaluation.runs import Run, RunDescription

    snapshot = searcher.snapshot
    model = f"{snapshot.model.name} {snapshot.model.precision}"
    asked = RunDescription(
        name=retrieval_set.folder.resolve().name,
        corpus=corpus_info.sha256,
        split=retrieval_set.split,
        query_subset=retrieval_set.query_subset,
        mode=options.mode,
        model=model,
        papers=snapshot.manifest.live,
        depth=options.depth,
    )
    rankings, said = {}, time.monotonic()
    for count, (query, text) in enumerate(retrieval_set.queries.items()):
        rankings[query] = _rank_papers(searcher, text, options)
        if time.monotonic() - said > _PROGRESS_INTERVAL_S:
            said = time.monotonic()
            click.echo(f"{count + 1:,} of {len(retrieval_set.queries):,} queries asked", err=True)
    return Run.from_rankings(asked, rankings, retrieval_set)


def _rank_papers(searcher: "Searcher", text: str, options: RunOptions) -> tuple[str, ...]:
    from search.query.query import Query
    from search.session import strip_control_characters
    from service.evaluation.beir import corpus_ids

    if not strip_control_characters(text):
        return ()
    try:
        page = searcher.search(Query(text, mode=options.mode, limit=options.depth))
    except InvalidValue as error:
        if options.mode == "lexical" and error.field == "q":
            return ()  # none but stop words
        raise
    return tuple(name for hit in page.hits for name in corpus_ids(hit.paper))[: options.depth]
