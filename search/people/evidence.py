"""Evidence: how likely two papers with the same author's name are by the same person.

The features are those that author name disambiguation generally uses (Subramanian et al., "S2AND: A benchmark and
evaluation system for author name disambiguation", JCDL 2021), as far as an index has them: coauthors, their other
papers, categories, vectors and the spelling of the name. There are no affiliations.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from search.index.backend import Backend
from search.index.backend_fields import Fields
from search.papers.name_matching import are_compatible
from search.papers.names import Name
from search.rows import expand_ranges

Matrix = NDArray[np.float32]
"""(n, n) float32, a value for each pair of n papers."""

FEATURES = ("centred", "within", "categories", "archives", "team", "network", "spelling")
"""The features of a pair besides its common coauthors, in the order of ``PairEvidence.features``."""
_SHARED_COUNT = 1.91
"""Weight of the logarithm of the number of coauthors in common. This and the next three constants are those of a
logistic regression (docs/design/people.md)."""
_RARITY = -0.25
"""Weight of the logarithm of the number of papers of the rarest coauthor in common, whose namesake may be meant."""
_TEAM_SIZES = -0.77
"""Weight of the logarithm of the product of the numbers of coauthors: long lists share names by chance."""
_INTERCEPT = 7.4
NO_LINK = -9.0
"""Log odds of a pair without coauthors in common, which says nothing here."""
_MAX_NETWORK_PAPERS = 60
"""Papers of a coauthor up to which the others are looked at: those of a more frequent name are of several people."""
_MAX_NETWORK_TEAM = 100
"""Coauthors of a paper up to which their other papers are looked at; members of collaborations share coauthors."""
_SAMPLED_PAPERS = 256
"""Papers of a category, evenly spread, whose mean vector stands for it; the mean of 1,000 differs little."""
_MIN_NORM = 1e-6
"""Lower bound of the length of a vector, so that that of a paper without categories can be divided by it."""


@dataclass(frozen=True, slots=True, eq=False)
class PairEvidence:
    """What speaks for or against the same author of each pair of n papers.

    Attributes:
        links: the log odds by the coauthors in common alone, ``NO_LINK`` without any.
        features: (f, n, n) float32, the ``FEATURES``: the cosine of the vectors, centred, and without the mean of
            their primary categories, whitened; the cosine of
            the categories, by rarity, and of their archives; minus the difference in the logarithm of the number of
            coauthors; the number of papers by coauthors of both; whether the name is spelled differently.
        contradicts: (n, n) bool, whether the spellings are of different names, as Jian Sun and Jie Sun.
    """

    links: Matrix
    features: NDArray[np.float32]
    contradicts: NDArray[np.bool_]

    @classmethod
    def gather(cls, snapshot: Backend, rows: NDArray[np.int64], authors: NDArray[np.int64]) -> Self:
        """Gathers the evidence.

        Args:
            snapshot: the generation.
            rows: (n,) int64, papers by one of the authors.
            authors: the author ids that the name matches, ascending.
        """
        columns = snapshot.columns
        position, author = columns.author_postings.pairs_of_rows(rows)
        is_own = np.isin(author, authors)
        team = _Team.of(len(rows), position[~is_own], author[~is_own])
        spelling = np.full(len(rows), -1)
        spelling[position[is_own][::-1]] = author[is_own][::-1]
        vectors = snapshot.vectors.get_vectors(rows)
        archives, categories = _category_weights(columns, rows)
        features = (
            _cosines(vectors - snapshot.whitening.mean),
            _cosines(snapshot.whitening.transform(vectors - _category_offsets(snapshot, rows))),
            _cosines(categories),
            _cosines(archives),
            -np.abs(team.log_sizes[:, None] - team.log_sizes[None]),
            team.common_network(columns, rows),
            spelling[:, None] != spelling[None],
        )
        contradicts = _contradictions(columns, spelling)
        return cls(team.links(columns), np.stack([np.asarray(each, np.float32) for each in features]), contradicts)


@dataclass(frozen=True, slots=True, eq=False)
class _Team:
    """The coauthors of n papers.

    Attributes:
        members: (n, c), 1 where a coauthor is an author of a paper.
        authors: (c,) int64, their author ids.
    """

    members: sparse.csr_matrix
    authors: NDArray[np.int64]

    @classmethod
    def of(cls, count: int, position: NDArray[np.int64], author: NDArray[np.int64]) -> Self:
        authors, inverse = np.unique(author, return_inverse=True)
        shape = (count, max(len(authors), 1))
        return cls(sparse.csr_matrix((np.ones(len(position), np.float32), (position, inverse)), shape=shape), authors)

    @property
    def log_sizes(self) -> NDArray[np.float32]:
        """(n,) float32: the logarithm of the number of coauthors plus 1."""
        return np.asarray(np.log1p(self._team_sizes), np.float32)

    @property
    def _team_sizes(self) -> NDArray[np.int64]:
        return np.asarray(np.diff(self.members.indptr), np.int64)

    def links(self, columns: Fields) -> Matrix:
        """Returns the log odds of each pair by its coauthors in common."""
        count = self.members.shape[0]
        shared = (self.members @ self.members.T).toarray()
        rarest = np.full((count, count), np.inf, np.float32)
        papers = columns.author_postings.counts_of(self.authors)
        order = np.argsort(-papers, kind="stable")  # the last one assigned below is the rarest
        of_author = self.members.tocsc()[:, order] if len(order) else self.members.tocsc()
        starts, sizes = of_author.indptr[:-1].astype(np.int64), np.diff(of_author.indptr).astype(np.int64)
        one = np.repeat(of_author.indices, np.repeat(sizes, sizes))
        other = of_author.indices[expand_ranges(np.repeat(starts, sizes), np.repeat(starts + sizes, sizes))]
        rarest[one, other] = np.repeat(np.log(np.maximum(papers[order], 1)), sizes**2) if len(order) else np.inf
        log_teams = np.log(np.maximum(self._team_sizes, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = _SHARED_COUNT * np.log(shared) + _RARITY * rarest
        odds += _INTERCEPT + _TEAM_SIZES * (log_teams[:, None] + log_teams[None])
        return np.where(shared > 0, odds, NO_LINK).astype(np.float32)

    def common_network(self, columns: Fields, rows: NDArray[np.int64]) -> Matrix:
        """Returns the number of other papers that coauthors of both papers of each pair have written."""
        postings = columns.author_postings
        counts = postings.counts_of(self.authors)
        small = np.repeat(self._team_sizes <= _MAX_NETWORK_TEAM, self._team_sizes)
        in_small = np.isin(np.arange(len(self.authors)), self.members.indices[small])
        few = np.flatnonzero(in_small & (counts <= _MAX_NETWORK_PAPERS))
        position, written = postings.pairs_of_values(self.authors[few])
        writer = few[position]
        is_other = ~np.isin(written, rows)
        papers, inverse = np.unique(written[is_other], return_inverse=True)
        shape = (self.members.shape[1], max(len(papers), 1))
        wrote = sparse.csr_matrix((np.ones(len(inverse), np.float32), (writer[is_other], inverse)), shape=shape)
        near = self.members @ wrote
        near.data[:] = 1
        common: Matrix = (near @ near.T).toarray()
        return common


def _contradictions(columns: Fields, spelling: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns whether the author ids of each pair of papers, (n,) int64, are of names that exclude each other."""
    used, inverse = np.unique(spelling, return_inverse=True)
    found = [Name.from_key(columns.authors.key(author)) for author in used.tolist()]
    contradicts = np.array([[not are_compatible(one, other) for other in found] for one in found], bool)
    return np.asarray(contradicts[np.ix_(inverse, inverse)], np.bool_)


def _category_offsets(snapshot: Backend, rows: NDArray[np.int64]) -> Matrix:
    """Returns how far the mean vector of each paper's primary category is from that of all papers.

    Strangers in one category have similar vectors, so that only what goes beyond the category tells them apart.
    """
    category = snapshot.columns.categories
    found, inverse = np.unique(category.primary_of(rows), return_inverse=True)
    offsets = np.zeros((len(found), len(snapshot.whitening.mean)), np.float32)
    for place, number in enumerate(found.tolist()):
        if number < len(category.codes):
            sample = category.postings.sample(number, _SAMPLED_PAPERS)
            offsets[place] = snapshot.vectors.get_vectors(sample).mean(axis=0) - snapshot.whitening.mean
    return np.asarray(offsets[inverse], np.float32)


def _category_weights(columns: Fields, rows: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Returns a vector per paper of its archives, and of all its categories and archives by rarity."""
    position, category = columns.categories.postings.pairs_of_rows(rows)
    names, inverse = np.unique(category, return_inverse=True)
    is_archive = np.array([columns.categories.is_archive(number) for number in names.tolist()], bool)
    papers = np.maximum(columns.categories.postings.counts_of(names), 1)
    has = np.zeros((len(rows), len(names)), np.float32)
    has[position, inverse] = 1
    return has[:, is_archive], has * np.sqrt(np.log(max(len(columns), 2) / papers)).astype(np.float32)


def _cosines(vectors: NDArray[np.float32]) -> Matrix:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _MIN_NORM)
    return np.asarray(unit @ unit.T, np.float32)
