"""Backend: what answers questions need of an index, wherever it is stored.

Ranking, refinements, people, themes, trends, maps, recommendations and sessions use these protocols alone. The local
index (``search.index.snapshot.Snapshot``) conforms to them without adapters, so that they cost nothing at run time.
``docs/design/backend.md`` says why each member is there and what other backends may do differently.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from search.embedding.model import ModelIdentity
from search.index.backend_fields import Fields
from search.papers.paper import Paper
from search.query.condition import Condition
from search.rows import NO_ROWS, PaperSet, Ranked

if TYPE_CHECKING:
    from search.index.analysis import Terms
    from search.index.calibration import Calibration
    from search.query.suggestions import CategoryCount, Suggestions
    from search.vectors.threshold import RowsAbove
    from search.vectors.whitening import Whitening


class Backend(Protocol):
    """One generation of an index, whose contents never change. Its parts are opened when they are first used.

    A row number is a whole number from 0 that identifies a paper within one generation: all backends of the generation
    have the same. Backends are compared by identity and can be referred to weakly.
    """

    @property
    def generation(self) -> str:
        """The name of the generation, which changes whenever papers are published; cursors contain it."""

    @property
    def checksum(self) -> str:
        """Identifies the contents: two backends with the same checksum give the same answers."""

    @property
    def model(self) -> ModelIdentity:
        """The model that made the vectors."""

    @property
    def calibration(self) -> "Calibration | None":
        """Thresholds of the bands; None if it has none."""

    @property
    def whitening(self) -> "Whitening":
        """Whitening of the vectors."""

    @property
    def newest_added(self) -> int:
        """The time at which the last papers became part of the index, in seconds since 1970 (UTC); 0 if unknown."""

    @property
    def live(self) -> PaperSet:
        """All papers."""

    @property
    def columns(self) -> Fields:
        """The fields of the papers: dates, categories, authors, kinds and sources."""

    @property
    def store(self) -> "PaperReader":
        """The papers themselves."""

    @property
    def vectors(self) -> "VectorSearch":
        """The vectors of the papers."""

    @property
    def lexicon(self) -> "TextSearch":
        """The words of the papers."""

    @property
    def suggester(self) -> "NameSuggester":
        """Suggestions of authors and categories."""

    def rows_matching(self, condition: Condition, text: str = "") -> PaperSet:
        """Returns the papers that match a condition.

        Args:
            condition: the condition.
            text: what the papers will be ranked by, so that a backend elsewhere can read what both need at once.

        Raises:
            InvalidValue: an unknown category, a text without a word, or a person who was not resolved.
        """

    def set_of(self, *rows: NDArray[np.int64], without: NDArray[np.int64] = NO_ROWS) -> PaperSet:
        """Returns the set of some rows, in any order and repeated or not, without others."""

    def find_row(self, paper_id: str) -> int | None:
        """Returns the row of the paper that has or had this ID, in any usual spelling; None without one."""

    def row_of(self, paper_id: str) -> int:
        """Returns the row of the paper that has or had this ID, in any usual spelling.

        Raises:
            PaperNotFound: no paper has the ID.
        """

    def count_bytes(self) -> int:
        """Returns the size of what is stored; 0 if the backend does not know it."""

    def load(self) -> None:
        """Opens everything, which is otherwise opened when first used.

        Raises:
            IndexUnavailable: a part is damaged or cannot be read.
        """

    def for_session(self) -> "Backend":
        """Returns the backend of one session: itself, unless each session keeps what it has fetched."""

    @property
    def shared(self) -> "Backend":
        """The backend that ``for_session`` was called on, or itself: caches of the generation refer to it weakly."""

    def counted_over(self, papers: PaperSet) -> str:
        """Returns, in words, the papers of a set that counts, themes, people and trends cover; empty if they cover all.

        A backend that reads only the first papers of a large set names these.
        """

    @property
    def notices(self) -> tuple[str, ...]:
        """What limits the answers of this session, in sentences, such as a part that did not answer."""

    def reports_damage(self) -> AbstractContextManager[None]:
        """Reports an unexpected error in the context as ``IndexUnavailable`` if the backend is the cause."""


class BackendSource(Protocol):
    """Where a searcher finds the published generation of an index."""

    def published_generation(self) -> str:
        """Returns the name of the published generation; every session reads it, so it takes no more than 0.1 ms.

        Raises:
            IndexUnavailable: there is none, or it cannot be read.
        """

    def open(self) -> Backend:
        """Opens the published generation.

        Raises:
            IndexUnavailable: see ``published_generation``; or it is damaged.
        """


class PaperReader(Protocol):
    """Reads papers, and finds them by key (``search.papers.identifiers``, ``indexer.identity``)."""

    def get(self, rows: Sequence[int]) -> list[Paper]:
        """Returns papers, in the order of their rows."""

    def titles_and_abstracts(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """Returns title and abstract of each paper, empty where it has none."""

    def texts_containing(self, rows: Sequence[int], text: str) -> list[str]:
        """Returns title and abstract of those of the papers that contain an ASCII text, in any case; others may do."""

    def records(self, row: int) -> list[Paper]:
        """Returns the records that a paper was merged from."""

    def decisions(self) -> list[tuple[str, str, str]]:
        """Returns the user's decisions about duplicates, the earliest first: two IDs and a verdict."""

    def rows_for_key(self, key: int) -> list[int]:
        """Returns the rows, ascending, of a 64-bit key; some may not be in ``Backend.live``."""

    def rows_for_keys(self, keys: Sequence[int]) -> list[int]:
        """Returns the rows of some keys; see ``rows_for_key``."""


class VectorSearch(Protocol):
    """Vectors of length 1, compared by their inner product, the cosine."""

    def nearest(self, vectors: NDArray[np.float32], k: int, papers: PaperSet) -> list[Ranked]:
        """Finds the k papers of a set with the highest cosine, for each of several vectors.

        Args:
            vectors: (n, dim) float32 unit vectors.
            k: number of results per vector, at least 1.
            papers: the set.

        Returns:
            One ranking of min(k, len(papers)) rows per vector, with exact scores. ``Ranked.complete`` and
            ``Ranked.expected_recall`` say whether others may be nearer.
        """

    def rows_above(self, vector: NDArray[np.float32], threshold: float, papers: PaperSet) -> "RowsAbove":
        """Finds all papers of a set whose cosine with a (dim,) vector is at least a threshold."""

    def scores(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the exact cosine of each of (n,) papers with a (dim,) vector, (n,) float32."""

    def get_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the vectors of (n,) papers, (n, dim) float32."""

    def get_vector(self, row: int) -> NDArray[np.float32]:
        """Returns the vector of one paper, (dim,) float32."""


class TextSearch(Protocol):
    """BM25 over titles and abstracts, whose terms are those of ``search.index.analysis``."""

    @property
    def terms_by_unit(self) -> "Mapping[str, Terms]":
        """The terms of each word, and of words joined by hyphens."""

    @property
    def term_by_word(self) -> Mapping[str, str | None]:
        """The first term of each word; None for a stop word."""

    def terms(self, text: str) -> list[str]:
        """Returns the distinct terms of a text that are looked up; of a long text those of highest weight."""

    def search(self, text: str, k: int, papers: PaperSet) -> Ranked:
        """Returns the k papers of highest BM25 among those of a set that contain a term of the text."""

    def search_reaching(
        self, text: str, share: float, papers: PaperSet
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns all papers of a set whose BM25 is at least a share of ``max_score``.

        Args:
            text: the text.
            share: above 0, at most 1.
            papers: the set.

        Returns:
            (n,) int64 rows, ascending, and (n,) float32, their BM25.
        """

    def papers_with_any_term(self, text: str, papers: PaperSet) -> PaperSet:
        """Returns the papers of a set that contain a term of the text."""

    def count_matches(self, text: str, papers: PaperSet) -> int:
        """Returns the number of papers of a set that contain a term of the text."""

    def scores(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the BM25 of the text in (n,) papers as (n,) float32; 0 for a paper without any of its terms."""

    def coverage(self, text: str, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the share of the text that each of (n,) papers contains, as (n,) float32 from 0 to 1.

        Each distinct term of the text counts with its inverse document frequency.
        """

    def max_score(self, text: str) -> float:
        """Returns an upper bound of the BM25 of this text in any paper; 0 for a text without terms."""

    def highlighted_terms(self, text: str) -> dict[str, float]:
        """Returns the terms of a text to highlight, as papers have them, each with its weight."""

    def read_words(self, words: Iterable[str]) -> None:
        """Announces words whose document frequencies follow, so that a backend elsewhere can read them at once."""

    def word_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a Latin word, not stemmed."""

    def inflected_doc_freq(self, word: str) -> int:
        """Returns the document frequency of a word in any inflection; of a stop word, not stemmed."""


class NameSuggester(Protocol):
    """Completes the names of authors and categories."""

    @property
    def categories(self) -> "tuple[CategoryCount, ...]":
        """The categories that papers have, most papers first."""

    def suggest(self, text: str, limit: int) -> "Suggestions":
        """Suggests authors and categories in whose names each typed word is a prefix of a different word.

        Raises:
            InvalidValue: the limit or the text is invalid.
        """
