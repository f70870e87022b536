"""Embedding of a library: finds the vectors of its papers, and says which were left out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search import budget
from search.embedding.cache import EmbedderCache
from search.errors import InvalidValue
from search.index.backend import Backend
from search.papers.paper import Paper
from search.query.counts import format_count
from search.query.library import Library
from search.query.query import Query
from search.recommendations.recommend import EmbeddedLibrary
from search.recommendations.tuning import RECOMMENDATION_TUNING

_SLICE_TEXTS = 16
"""Texts that are embedded between two checks of the budget."""
_MAX_REASONS = 5
"""Reasons for records left out that a notice gives."""


def embed_library(
    snapshot: Backend, embedders: EmbedderCache, library: Library
) -> tuple[EmbeddedLibrary, tuple[int, ...], tuple[str, ...]]:
    """Returns the papers of a library with vectors, their rows in the index, and why others were left out.

    The vectors of papers of the index are read, those of other records computed from title and abstract. Of a large
    library, an evenly spaced selection is used.

    Raises:
        InvalidValue: the library has no paper that can be used.
    """
    left_out = list(library.left_out)
    rows = dict[int, None]()
    for paper_id in library.ids:
        row = snapshot.find_row(paper_id)
        if row is None:
            left_out.append(f"{paper_id}: not in the index")
        else:
            rows[row] = None
    records = list({record.text: record for record in library.records if record.text}.values())
    left_out += [f"{_name(record)}: no title and no abstract" for record in library.records if not record.text]
    if not (rows or records):
        count = format_count(len(library))
        raise InvalidValue("library", count, _describe_unusable(left_out))
    chosen = _select([*rows, *records], RECOMMENDATION_TUNING.max_library)
    known = [each for each in chosen if isinstance(each, int)]
    unknown = [each for each in chosen if isinstance(each, Paper)]
    papers = [*snapshot.store.get(known), *unknown]
    vectors = snapshot.vectors.get_vectors(np.array(known, np.int64))
    if unknown:
        vectors = np.concatenate((vectors, _embed([record.text for record in unknown], snapshot, embedders)))
    return EmbeddedLibrary(papers, vectors), tuple(rows), tuple(left_out)


def check_filter_only(query: Query) -> None:
    """Checks that a query has no fields that recommendations ignore.

    Raises:
        InvalidValue: it has one.
    """
    default = Query()
    for name in ("text", "mode", "sort", "cursor", "like", "unlike", "is_abstract", "include_like", "facets"):
        if getattr(query, name) != getattr(default, name):
            value = getattr(query, name)
            raise InvalidValue(name, value, "recommendations take only a filter and a limit; omit it")


def describe_left_out(reasons: Sequence[str], total: int) -> tuple[str, ...]:
    """Returns a notice about papers of the library that were left out; none if all were used."""
    if not reasons:
        return ()
    shown = "; ".join(reasons[:_MAX_REASONS])
    more = f"; and {len(reasons) - _MAX_REASONS:,} more" if len(reasons) > _MAX_REASONS else ""
    verb = "was" if len(reasons) == 1 else "were"
    return (f"Of {total:,} papers of the library, {len(reasons):,} {verb} left out: {shown}{more}.",)


def _describe_unusable(reasons: Sequence[str]) -> str:
    if not reasons:
        return "the library is empty; give IDs of papers in the index, or records with a title"
    return f"none can be used ({reasons[0]}); give IDs of papers in the index, or records with a title"


def _select(papers: list[int | Paper], count: int) -> list[int | Paper]:
    """Returns at most this number of papers, evenly spaced."""
    if len(papers) <= count:
        return papers
    return [papers[each] for each in np.linspace(0, len(papers) - 1, count).astype(np.int64).tolist()]


def _embed(texts: Sequence[str], snapshot: Backend, embedders: EmbedderCache) -> NDArray[np.float32]:
    """Returns the vectors of texts, (n, dim) float32."""
    embedder, found = embedders.get(snapshot.model), []
    for start in range(0, len(texts), _SLICE_TEXTS):
        budget.pause_for_others()
        found.append(embedder.encode(texts[start : start + _SLICE_TEXTS]))
    return np.asarray(np.concatenate(found), np.float32)


def _name(record: Paper) -> str:
    """Returns what identifies a record without text."""
    return record.ids[0] if record.ids else ", ".join(record.sources) or "a record"
