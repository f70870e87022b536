"""MilvusBackend: one publication of a collection as a backend, with the papers that one session has read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.embedding.model import ModelIdentity
from search.errors import PaperNotFound
from search.index.analysis import Analyzer
from search.index.json_object import JsonObject
from search.index.lexicon import LEXICON_TUNING, create_analyzer
from search.lazy import lazy_property
from search.milvus import keys
from search.milvus.collection import Collection
from search.milvus.entities import unpack_records
from search.milvus.fields import CollectionFields
from search.milvus.filters import Filters
from search.milvus.suggestions import CollectionSuggester
from search.milvus.table import ListedPapers, MatchingPapers, PaperTable
from search.milvus.vectors import CollectionVectors
from search.milvus.words import CollectionTerms, CollectionWords
from search.papers import identifiers
from search.papers.paper import Paper
from search.query.condition import Condition, HasId
from search.rows import NO_ROWS, PaperSet, are_among

if TYPE_CHECKING:
    from search.index.calibration import Calibration
    from search.vectors.whitening import Whitening

_SAMPLE_PARTS = 8
"""Requests that read the sample of the whitening."""


class CollectionPapers:
    """Reads papers (``search.index.backend.PaperReader``).

    Args:
        table: the papers that were read.
    """

    def __init__(self, table: PaperTable) -> None:
        self._table = table

    def get(self, rows: Sequence[int]) -> list[Paper]:
        """See ``PaperReader``."""
        return [fetched.paper for fetched in self._table.get(rows)]

    def titles_and_abstracts(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """See ``PaperReader``."""
        return [(paper.title or "", paper.abstract or "") for paper in self.get(rows)]

    def texts_containing(self, rows: Sequence[int], text: str) -> list[str]:
        """See ``PaperReader``."""
        found = [f"{title}. {abstract}" for title, abstract in self.titles_and_abstracts(rows)]
        return [each for each in found if text.lower() in each.lower()]

    def records(self, row: int) -> list[Paper]:
        """See ``PaperReader``."""
        (found,) = self._table.collection.values(f"row == {row}", ["records"])
        return unpack_records(found["records"]) or self.get([row])

    def decisions(self) -> list[tuple[str, str, str]]:
        """See ``PaperReader``."""
        found = self._table.collection.manifest.extra.get("decisions", ())
        return [(str(one), str(other), str(verdict)) for one, other, verdict in found]

    def rows_for_key(self, key: int) -> list[int]:
        """See ``PaperReader``."""
        return self.rows_for_keys([key])

    def rows_for_keys(self, keys: Sequence[int]) -> list[int]:
        """See ``PaperReader``."""
        collection = self._table.collection
        expression = collection.dialect.keys.has_any("identity", [key & (2**63 - 1) for key in keys])
        return sorted(int(found["row"]) for found in collection.values(expression, ["row"]))


class _Shared:
    """What the sessions of one publication share.

    Args:
        collection: the collection.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.analyzer: Analyzer = create_analyzer(LEXICON_TUNING.query_term_cache_size)
        self.filters = Filters(collection, self.analyzer)

    @cached_property
    def terms(self) -> CollectionTerms:
        return CollectionTerms(self.collection, self.filters, self.analyzer)

    @cached_property
    def whitening(self) -> "Whitening":
        from search.vectors.whitening import SAMPLE_ROWS, Whitening

        rows = self.collection.manifest.rows
        sample = np.unique(np.linspace(0, max(rows - 1, 0), min(rows, SAMPLE_ROWS)).astype(np.int64))
        parts = np.array_split(sample, _SAMPLE_PARTS)
        found = [fetched.vector for part in parts if len(part) for fetched in self.collection.get(part.tolist())]
        return Whitening.fit(np.stack(found))

    @cached_property
    def suggester(self) -> CollectionSuggester:
        return CollectionSuggester(self.collection)


class MilvusBackend:
    """One publication, with the papers that one session has read (``search.index.backend.Backend``).

    A row is the primary key of a paper.

    Args:
        collection: the collection.
        shared: the backend that a session is for.
    """

    def __init__(self, collection: Collection, shared: "MilvusBackend | None" = None) -> None:
        self._collection = collection
        self._root = shared
        self._shared: _Shared = shared._shared if shared else _Shared(collection)
        self._table = PaperTable(collection)
        self.generation: str = collection.manifest.generation
        self.model: ModelIdentity = collection.manifest.model
        self.newest_added: int = collection.manifest.newest_added
        self.live: PaperSet = MatchingPapers(self._table, "")
        self.vectors = CollectionVectors(self._table)
        self.store = CollectionPapers(self._table)
        self.columns = CollectionFields(self._table, self._shared.filters.authors)

    @property
    def round_trips(self) -> int:
        """See ``Collection.round_trips``; of all sessions."""
        return self._collection.round_trips

    @property
    def requests(self) -> int:
        """Number of requests so far, of all sessions."""
        return self._collection.requests

    @property
    def checksum(self) -> str:
        """See ``Backend``."""
        return f"{self._collection.name}/{self._collection.manifest.version}/{self.generation}"

    @lazy_property
    def lexicon(self) -> CollectionWords:
        """See ``Backend``."""
        return CollectionWords(self._shared.terms, self._table)

    @lazy_property
    def calibration(self) -> "Calibration | None":
        """See ``Backend``."""
        from search.index.calibration import Calibration

        found = self._collection.manifest.calibration
        return Calibration.from_json(JsonObject(Path(self._collection.name), found)) if found else None

    @property
    def whitening(self) -> "Whitening":
        """See ``Backend``."""
        return self._shared.whitening

    @property
    def suggester(self) -> CollectionSuggester:
        """See ``Backend``."""
        return self._shared.suggester

    def rows_matching(self, condition: Condition, text: str = "") -> PaperSet:
        """See ``Backend``."""
        return MatchingPapers(self._table, self._shared.filters.expression(condition, text))

    def set_of(self, *rows: NDArray[np.int64], without: NDArray[np.int64] = NO_ROWS) -> PaperSet:
        """See ``Backend``."""
        found = np.unique(np.concatenate([NO_ROWS, *rows]))
        return ListedPapers(found[~are_among(found, without)])

    def find_row(self, paper_id: str) -> int | None:
        """See ``Backend``."""
        parsed = identifiers.parse(paper_id)
        if parsed is None:
            return None
        expression = self._shared.filters.expression(HasId(parsed.id))
        rows = self._table.add(self._collection.find(expression), expression)
        return int(rows[-1]) if len(rows) else None

    def row_of(self, paper_id: str) -> int:
        """See ``Backend``."""
        if identifiers.parse(paper_id) is None:
            raise PaperNotFound(paper_id, "IDs look like arxiv:2604.24432, doi:10.1145/3292500 or h:0123456789ab")
        row = self.find_row(paper_id)
        if row is None:
            raise PaperNotFound(paper_id, "search for its title instead")
        return row

    def count_bytes(self) -> int:
        """See ``Backend``; a server does not tell."""
        return 0

    def load(self) -> None:
        """See ``Backend``."""
        self._collection.read_data([keys.NO_KEY])

    def for_session(self) -> "MilvusBackend":
        """See ``Backend``."""
        return MilvusBackend(self._collection, self.shared)

    @property
    def shared(self) -> "MilvusBackend":
        """See ``Backend``."""
        return self._root or self

    @contextmanager
    def reports_damage(self) -> Iterator[None]:
        """See ``Backend``."""
        yield  # requests report their errors themselves

    def counted_over(self, papers: PaperSet) -> str:
        """See ``Backend``."""
        return self._table.counted_over(papers)

    @property
    def notices(self) -> tuple[str, ...]:
        """See ``Backend``."""
        failed = self._table.failed_leg
        return (f"Milvus did not answer the search {failed} in time; this answer is without it.",) if failed else ()
