"""Entities: papers as a collection has them, and what a batch of papers adds to the data about all papers."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from search.columns.builder import day_range
from search.index.analysis import Analyzer, Terms
from search.index.term_postings import ABSTRACT, TEXT, TITLE
from search.language.stop_words import STOP_WORDS
from search.milvus import keys
from search.milvus.author_buckets import IndexedName
from search.milvus.counts import term_key, written_key
from search.milvus.keys import MAX_VARCHAR
from search.milvus.schema import Dialect
from search.milvus.terms import join_counted, join_positions
from search.papers import names
from search.papers.date import NO_DAY
from search.papers.kind_rules import find_kinds
from search.papers.paper import Paper

NO_AUTHOR = -1
"""The key of the first or last author of a paper without one."""
_STOP_WORDS = frozenset(STOP_WORDS)
_MAX_CITATIONS = 2**32 - 2
_LATEST = 4_000_000
"""Above every day; exact in single precision."""


class PaperTexts(NamedTuple):
    """The terms of title and abstract."""

    title: Terms
    abstract: Terms

    @classmethod
    def of(cls, paper: Paper, analyzer: Analyzer) -> Self:
        """Analyzes a paper."""
        return cls(analyzer.analyze_text(paper.title or ""), analyzer.analyze_text(paper.abstract or ""))


def build_entity(
    row: int, paper: Paper, texts: PaperTexts, vector: NDArray[Any], identity: Iterable[int], dialect: Dialect
) -> dict[str, Any]:
    """Returns the entity of a paper.

    Args:
        row: its primary key.
        paper: the paper.
        texts: its terms.
        vector: (dim,) its vector.
        identity: the keys by which an importer finds records of the same paper.
        dialect: how lists of keys are written.
    """
    canonical = keys.canonical_names(paper)
    authors = list(dict.fromkeys(map(keys.author_key, canonical)))
    published, updated = day_range(paper.published), day_range(paper.updated)
    added = int(paper.added.timestamp()) if paper.added else 0
    citations = 0 if paper.citations is None else min(paper.citations, _MAX_CITATIONS) + 1
    encode = dialect.keys.encode
    return {
        "row": row,
        "vector": vector.astype(np.float16 if "16" in dialect.vector_type else np.float32),
        "text": join_counted(texts.title, texts.abstract, MAX_VARCHAR),
        "title": join_positions(texts.title, MAX_VARCHAR - 2),
        "abstract": join_positions(texts.abstract, MAX_VARCHAR - 2),
        "paper": pack_paper(paper),
        "keys": encode(keys.paper_keys(paper, find_kinds(paper))),
        "authors": encode(authors),
        "groups": encode(keys.group_keys(canonical)),
        "identity": encode([key & (2**63 - 1) for key in identity]),
        "first_author": authors[0] if authors else NO_AUTHOR,
        "last_author": keys.author_key(canonical[-1]) if canonical and not paper.authors_partial else NO_AUTHOR,
        "published_first": published[0],
        "published_last": published[1],
        "updated_first": updated[0],
        "updated_last": updated[1],
        "added": added,
        "citations": citations,
        "order": _order_values(published[0], added, citations),
    }


def _order_values(first_day: int, added: int, citations: int) -> dict[int, float]:
    """Returns the values of ``schema.ORDERS``; the higher, the earlier in the order."""
    is_dated = first_day != NO_DAY[0]
    values = (first_day if is_dated else 0, _LATEST - first_day if is_dated else 0, citations, added)
    return {dimension: float(value) + 1 for dimension, value in enumerate(values)}


def pack_paper(paper: Paper) -> str:
    """Returns a paper as a text: its JSON, compressed, in base64."""
    return b64encode(zstandard.compress(orjson.dumps(paper.to_json()))).decode()


def unpack_paper(text: str, added: int) -> Paper:
    """Returns the paper of ``pack_paper``."""
    return Paper.from_json(orjson.loads(zstandard.decompress(b64decode(text))), added)


@dataclass(slots=True)
class BatchData:
    """What some papers add to the data about all papers.

    Attributes:
        counts: document frequencies by key (``search.milvus.counts``).
        lengths: number of terms in each field of ``term_postings``.
        authors: the names of authors in order.
        categories: the category codes and archives in order.
        sources: the names of sources.
        papers: number of papers.
        cited: number of papers with a citation count.
        days: first and last day of publication, and of the last update; NO_DAY without any.
    """

    counts: Counter[int] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=lambda: [0, 0, 0])
    authors: dict[tuple[str, str], IndexedName] = field(default_factory=dict)
    categories: dict[str, None] = field(default_factory=dict)
    sources: dict[str, None] = field(default_factory=dict)
    papers: int = 0
    cited: int = 0
    days: dict[str, tuple[int, int]] = field(default_factory=lambda: {"published": NO_DAY, "updated": NO_DAY})

    def add(self, paper: Paper, texts: PaperTexts) -> None:
        """Adds a paper."""
        self.papers += 1
        self.cited += paper.citations is not None
        self._add_terms(texts)
        for name in paper.authors:
            canonical, *others = names.index_keys(name)
            if not canonical.startswith("|"):
                written = name.encode(errors="replace").decode()
                before = self.authors.setdefault((canonical, canonical), IndexedName(canonical, canonical, written))
                if before.written.isupper() and not written.isupper():
                    self.authors[canonical, canonical] = before._replace(written=written)
                for other in others:
                    self.authors.setdefault((other, canonical), IndexedName(other, canonical, written))
        for code in paper.categories:
            archive, dot, _ = code.partition(".")
            self.categories |= dict.fromkeys((code, archive) if dot and archive else (code,))
        self.sources |= dict.fromkeys(paper.sources)
        for name, when in (("published", paper.published), ("updated", paper.updated)):
            if when:
                first, last = self.days[name]
                self.days[name] = min(first, when.first_day), max(last, when.first_day)

    def _add_terms(self, texts: PaperTexts) -> None:
        counted = [(*text.ranked, *text.unordered) for text in texts]
        self.lengths[TEXT] += 2 * len(counted[0]) + len(counted[1])
        found = {term_key(term, TEXT) for terms in counted for term in terms}
        for place, text in ((TITLE, texts.title), (ABSTRACT, texts.abstract)):
            self.lengths[place] += len(text.ordered) + len(set(text.unordered))
            found |= {term_key(term, place) for term in set(text.ordered) & _STOP_WORDS}
        found |= {written_key(word) for text in texts for word in set(text.written)}
        self.counts.update(found)

    def to_json(self) -> Mapping[str, Any]:
        """Returns what is not counts and authors."""
        return {
            "lengths": self.lengths,
            "categories": list(self.categories),
            "sources": list(self.sources),
            "papers": self.papers,
            "cited": self.cited,
            "days": self.days,
        }


@dataclass(frozen=True, slots=True)
class FetchedPaper:
    """A paper as it was read from a collection.

    Attributes:
        row: its primary key.
        paper: the paper.
        vector: (dim,) float32.
        tokens: those that BM25 counts (``search.milvus.terms``).
    """

    row: int
    paper: Paper
    vector: NDArray[np.float32]
    tokens: Sequence[str]

    @classmethod
    def of(cls, entity: Mapping[str, Any]) -> Self:
        """Reads the fields ``schema.FETCHED`` of an entity."""
        vector = entity["vector"]
        if isinstance(vector, list) and vector and isinstance(vector[0], bytes):  # half precision, as a server sends it
            vector = np.frombuffer(vector[0], np.float16)
        return cls(
            int(entity["row"]),
            unpack_paper(entity["paper"], int(entity["added"])),
            np.asarray(vector, np.float32),
            entity["text"].split(),
        )
