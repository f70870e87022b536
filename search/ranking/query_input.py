"""The input of the legs: the vector and the words of a query and of its example papers."""

import numpy as np
from numpy.typing import NDArray

from search.cores import available_cores
from search.embedding.cache import EmbedderCache
from search.errors import InvalidValue
from search.query.query import Query
from search.ranking.filtered_index import FilteredIndex
from search.ranking.fusion import query_from_examples
from search.ranking.legs import LegInput, submit_lexical


def build_leg_input(
    index: FilteredIndex, embedders: EmbedderCache, query: Query, papers: tuple[tuple[int, ...], tuple[int, ...]]
) -> LegInput:
    """Embeds the text and the examples. Meanwhile, the lexical leg runs on another core if there is one.

    Args:
        index: the papers that match the filter.
        embedders: has the embedder of the index.
        query: its text, its mode and its examples.
        papers: the rows of ``like`` and of ``unlike``.

    Raises:
        InvalidValue: lexical mode, and the query contains no word.
        ModelMismatch, ModelUnavailable: see ``EmbedderCache.get``.
    """
    (like, unlike), text, snapshot = papers, query.text, index.snapshot
    texts = [text] if text else []
    words = "\n".join([*texts, *(paper.text for paper in snapshot.store.get(like))])
    if query.mode == "lexical":
        if not snapshot.lexicon.terms(words):
            raise InvalidValue("q", words, "it contains no word to look up; add one, or use mode hybrid")
        return LegInput(None, words, example_rows=like, word_count=len(text.split()))
    in_parallel = query.mode == "hybrid" and text and available_cores() > 1
    lexical = submit_lexical(index, words) if in_parallel else None
    positive = [_encode(index, embedders, text)] if text else []
    positive += [snapshot.vectors.get_vector(row) for row in like]
    vector = query_from_examples(positive, [snapshot.vectors.get_vector(row) for row in unlike])
    first = lexical.result() if lexical else None
    return LegInput(vector, words if query.mode == "hybrid" else None, first, like, len(text.split()))


def _encode(index: FilteredIndex, embedders: EmbedderCache, text: str) -> NDArray[np.float32]:
    """Returns the (dim,) float32 vector of a text."""
    with index.time_stage("embedding"):
        return np.asarray(embedders.get(index.snapshot.model).encode([text])[0], np.float32)
