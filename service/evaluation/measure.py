"""Measure: indexes the papers of a retrieval set, runs its queries and measures the rankings."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from search.errors import InvalidValue, SourceError
from search.files import replace_file
from search.query.counts import format_count

if TYPE_CHECKING:
    from indexer.import_counts import ImportCounts
    from search.embedding.embedder import Embedder
    from search.query.query import Mode
    from search.searcher import Searcher
    from service.evaluation.beir import CorpusInfo, RetrievalSet
    from service.evaluation.runs import Run

_MARKER_FILE = "retrieval-set.json"
"""Marks the index of a retrieval set. Its keys: ``source``, the corpus, model and format; ``complete``, whether all
papers are indexed."""


class IndexingObserver(Protocol):
    """Receives the progress of ``build_index``."""

    def show(self, counts: "ImportCounts", fraction_done: float) -> None:
        """Called after each paper, and while texts are embedded; ``fraction_done`` is from 0 to 1."""

    def print(self, line: str) -> None:
        """Called with each skipped record and with a summary."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run the queries of a set.

    Attributes:
        mode: search mode.
        depth: number of papers per ranking.

    Raises:
        InvalidValue: an unknown mode, or a depth beyond the longest page.
    """

    mode: "Mode"
    depth: int = 100

    def __post_init__(self) -> None:
        from search.query.query import Query

        Query(mode=self.mode, limit=self.depth)


def build_index(
    retrieval_set: "RetrievalSet",
    corpus_info: "CorpusInfo",
    embedder: "Embedder",
    directory: Path | None = None,
    observer: IndexingObserver | None = None,
) -> Path:
    """Indexes the papers of a set unless that is already done, and returns the folder of the index.

    An interrupted import is continued.

    Args:
        retrieval_set: the set.
        corpus_info: of its corpus.
        embedder: embeds the papers.
        directory: folder of the index; None for one in the cache, named after corpus and model.
        observer: receives the progress.

    Raises:
        InvalidValue: the folder contains another index, or its marker file is damaged.
        IndexBusy: another process writes the index.
        SourceError: the corpus cannot be read to its end.
    """
    from search.index.layout import FORMAT_VERSION

    source = f"{corpus_info.sha256[:16]}-{embedder.model.slug}-{FORMAT_VERSION}"
    directory = directory or _default_folder(source)
    if _is_complete(directory, source):
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    _write_marker(directory, source, complete=False)
    _index_corpus(retrieval_set, corpus_info, embedder, directory, observer)
    _write_marker(directory, source, complete=True)
    return directory


def _default_folder(source: str) -> Path:
    from search.files import cache_folder

    return cache_folder() / "eval" / source


def _is_complete(directory: Path, source: str) -> bool:
    """Whether the folder contains a finished index of ``source``; False for an unfinished or missing one.

    Raises:
        InvalidValue: the folder contains anything else.
    """
    marker = directory / _MARKER_FILE
    if not marker.exists():
        if directory.exists() and any(directory.iterdir()):
            raise InvalidValue("index", str(directory), "not an index of a retrieval set; give an empty folder")
        return False
    try:
        fields = json.loads(marker.read_text("utf-8"))
        known_source, is_complete = str(fields["source"]), bool(fields["complete"])
    except (ValueError, KeyError, TypeError):
        damaged = f"{_MARKER_FILE} is damaged; remove the folder to index the set again, or give another folder"
        raise InvalidValue("index", str(directory), damaged) from None
    if known_source != source:
        other = "an index of another corpus, model or version; give another folder, or remove this one"
        raise InvalidValue("index", str(directory), other)
    return is_complete


def _write_marker(directory: Path, source: str, *, complete: bool) -> None:
    replace_file(directory / _MARKER_FILE, json.dumps({"source": source, "complete": complete}))


def _index_corpus(
    retrieval_set: "RetrievalSet",
    corpus_info: "CorpusInfo",
    embedder: "Embedder",
    directory: Path,
    observer: IndexingObserver | None,
) -> None:
    from indexer.build import publish
    from indexer.writer import IndexWriter

    skipped = 0
    with IndexWriter(directory, embedder) as writer:

        def show_import() -> None:
            if observer:
                done = (writer.counts.read - writer.counts.waiting) / max(corpus_info.lines, 1)
                observer.show(writer.counts, min(1.0, done))

        writer.on_embedded = show_import
        for paper in retrieval_set.iter_papers():
            if isinstance(paper, SourceError):
                skipped += 1
                if observer:
                    observer.print(f"skipped {paper}")
            else:
                writer.add(paper)
                show_import()
        writer.flush()
        live = publish(writer).live
    merged = f", {writer.counts.merged:,} merged" if writer.counts.merged else ""
    if observer:
        observer.print(f"{format_count(live)} indexed{merged}, {skipped:,} skipped; index kept in {directory}")


def run_queries(
    searcher: "Searcher",
    retrieval_set: "RetrievalSet",
    corpus_info: "CorpusInfo",
    options: RunOptions,
    on_query: Callable[[int, int], None] | None = None,
) -> "Run":
    """Runs all queries of a set and measures the rankings. A merged paper is ranked once for each of its records.

    Args:
        searcher: searches the index of the set.
        retrieval_set: the set.
        corpus_info: of its corpus.
        options: mode and depth.
        on_query: called after each query with the number of queries done and their total.
    """
    from service.evaluation.runs import Run, RunDescription

    snapshot = searcher.snapshot
    description = RunDescription(
        name=retrieval_set.folder.resolve().name,
        corpus=corpus_info.sha256,
        split=retrieval_set.split,
        query_subset=retrieval_set.query_subset,
        mode=options.mode,
        model=f"{snapshot.model.name} {snapshot.model.precision}",
        papers=len(snapshot.live),
        depth=options.depth,
    )
    rankings: dict[str, tuple[str, ...]] = {}
    for query, text in retrieval_set.queries.items():
        rankings[query] = _rank_papers(searcher, text, options)
        if on_query:
            on_query(len(rankings), len(retrieval_set.queries))
    return Run.from_rankings(description, rankings, retrieval_set)


def _rank_papers(searcher: "Searcher", text: str, options: RunOptions) -> tuple[str, ...]:
    from search.papers.normalization import strip_control_characters
    from search.query.query import Query
    from service.evaluation.beir import corpus_ids

    if not strip_control_characters(text):
        return ()
    try:
        page = searcher.search(Query(text, mode=options.mode, limit=options.depth))
    except InvalidValue as error:
        if options.mode == "lexical" and error.field == "q":
            return ()  # the query contains no word
        raise
    return tuple(name for hit in page.hits for name in corpus_ids(hit.paper))[: options.depth]
