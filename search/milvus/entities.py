"""Entities: papers as a collection has them, and what a batch of papers adds to the data about all papers."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
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
from search.lazy import lazy_property
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
ADDED_STEP = 4_096
"""Seconds that the order of times does not distinguish, so that its values are exact in single precision."""
_STOP_WORDS = frozenset(STOP_WORDS)
_MAX_CITATIONS = 2**32 - 2
_LONG_FIELDS = ("references", "extra", "authors", "abstract")
"""Fields of a paper that may be too long to be shown, the least missed one first; it is found by them nevertheless."""
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


class PaperSource(NamedTuple):
    """What an importer knows about a paper.

    Attributes:
        keys: the 64-bit keys by which it finds records of the same paper (``indexer.identity``).
        records: the records that the paper was merged from.
    """

    keys: Sequence[int] = ()
    records: Sequence[Paper] = ()


def build_entity(
    row: int, paper: Paper, texts: PaperTexts, vector: NDArray[Any], source: "PaperSource", dialect: Dialect
) -> dict[str, Any]:
    """Returns the entity of a paper.

    Args:
        row: its primary key.
        paper: the paper.
        texts: its terms.
        vector: (dim,) its vector.
        source: what an importer knows about it.
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
        "text": join_counted(texts.title, texts.abstract, MAX_VARCHAR - 2),
        "title": join_positions(texts.title, MAX_VARCHAR - 2),
        "abstract": join_positions(texts.abstract, MAX_VARCHAR - 2),
        "paper": pack_paper(paper),
        "records": pack_records(source.records),
        "keys": encode(keys.paper_keys(paper, find_kinds(paper))),
        "authors": encode(authors),
        "groups": encode(keys.group_keys(canonical)),
        "identity": encode([key & (2**63 - 1) for key in source.keys]),
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
    values = (first_day if is_dated else 0, _LATEST - first_day if is_dated else 0, citations, added // ADDED_STEP)
    return {dimension: float(value) + 1 for dimension, value in enumerate(values)}


def pack_json(value: Any) -> str:
    """Returns a JSON value as a text: compressed, in base64."""
    return b64encode(zstandard.compress(orjson.dumps(value))).decode()


def pack_paper(paper: Paper) -> str:
    """Returns the JSON of a paper as a text; without some of ``_LONG_FIELDS`` if it does not fit in a field."""
    fields = paper.to_json()
    packed = pack_json(fields)
    for name in _LONG_FIELDS:
        if len(packed) > MAX_VARCHAR and fields.pop(name, None):
            packed = pack_json(fields)
    return packed


def pack_records(records: Sequence[Paper]) -> str:
    """Returns the records that a paper was merged from as a text; empty for one, or if they do not fit in a field."""
    packed = pack_json([record.to_json() for record in records]) if len(records) > 1 else ""
    return packed if len(packed) <= MAX_VARCHAR else ""


def unpack_records(text: str) -> list[Paper]:
    """Returns the records of ``pack_records``."""
    return [Paper.from_json(fields) for fields in _unpack_json(text)] if text else []


def _unpack_json(text: str) -> Any:
    return orjson.loads(zstandard.decompress(b64decode(text)))


def unpack_paper(text: str, added: int) -> Paper:
    """Returns the paper whose JSON ``pack_json`` wrote."""
    return Paper.from_json(_unpack_json(text), added)


@dataclass(slots=True)
class BatchData:
    """What some papers add to the data about all papers.

    Attributes:
        counts: document frequencies by key (``search.milvus.counts``).
        lengths: number of terms in each field of ``term_postings``.
        authors: the names of authors in order.
        categories: number of papers of each category code and archive, in order of first appearance.
        sources: the names of sources.
        papers: number of papers.
        cited: number of papers with a citation count.
        newest_added: the time at which the last of them was added, in seconds since 1970; 0 if it is not known.
        days: first and last day of publication, and of the last update; NO_DAY without any.
    """

    counts: Counter[int] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=lambda: [0, 0, 0])
    authors: dict[tuple[str, str], IndexedName] = field(default_factory=dict)
    categories: Counter[str] = field(default_factory=Counter)
    sources: dict[str, None] = field(default_factory=dict)
    papers: int = 0
    cited: int = 0
    newest_added: int = 0
    days: dict[str, tuple[int, int]] = field(default_factory=lambda: {"published": NO_DAY, "updated": NO_DAY})

    def add(self, paper: Paper, texts: PaperTexts) -> None:
        """Adds a paper."""
        self.papers += 1
        self.cited += paper.citations is not None
        self._add_terms(texts)
        self._add_authors(paper)
        self.categories.update(keys.categories_of(paper))
        self.newest_added = max(self.newest_added, int(paper.added.timestamp()) if paper.added else 0)
        self.sources |= dict.fromkeys(paper.sources)
        for name, when in (("published", paper.published), ("updated", paper.updated)):
            if when:
                first, last = self.days[name]
                self.days[name] = min(first, when.first_day), max(last, when.first_day)

    def _add_authors(self, paper: Paper) -> None:
        counted: set[str] = set()
        for name in paper.authors:
            canonical, *others = names.index_keys(name)
            if canonical.startswith("|"):
                continue
            written = name.encode(errors="replace").decode()
            found = IndexedName(canonical, canonical, written, papers=int(canonical not in counted))
            before = self.authors.get((canonical, canonical))
            self.authors[canonical, canonical] = before.merge(found) if before else found
            counted.add(canonical)
            for other in others:
                self.authors.setdefault((other, canonical), IndexedName(other, canonical, written))

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
            "categories": self.categories,
            "sources": list(self.sources),
            "papers": self.papers,
            "cited": self.cited,
            "days": self.days,
            "newest_added": self.newest_added,
        }


@dataclass(frozen=True, eq=False)
class FetchedPaper:
    """A paper as it was read from a collection. Of most papers that a question reads, only scores are needed.

    Attributes:
        row: its primary key.
        vector: (dim,) float32.
        text: the tokens that BM25 counts (``search.milvus.terms``).
        packed: the JSON of the paper as ``pack_json`` wrote it.
        added: the time at which it was added, in seconds since 1970; 0 if it is not known.
    """

    row: int
    vector: NDArray[np.float32]
    text: str
    packed: str
    added: int

    @classmethod
    def of(cls, entity: Mapping[str, Any]) -> Self:
        """Reads the fields ``schema.FETCHED`` of an entity."""
        vector = entity["vector"]
        if isinstance(vector, list) and vector and isinstance(vector[0], bytes):  # half precision, as a server sends it
            vector = np.frombuffer(vector[0], np.float16)
        vector = np.asarray(vector, np.float32)
        return cls(int(entity["row"]), vector, entity["text"], entity["paper"], int(entity["added"]))

    @lazy_property
    def paper(self) -> Paper:
        """The paper."""
        return unpack_paper(self.packed, self.added)

    @lazy_property
    def tokens(self) -> Sequence[str]:
        """The tokens that BM25 counts."""
        return self.text.split()
