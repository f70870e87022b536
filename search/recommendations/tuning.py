"""Constants of the recommendations, chosen on the tuning libraries of ``benchmarks.recommend`` (docs/relevance.md)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecommendationTuning:
    """Constants of the recommendations."""

    max_library: int = 1_000
    """Papers of a library that are used; of a larger one an evenly spaced selection."""
    concentration: float = 8.0
    """Concentration of the kernel around each paper of the library, see ``Interests``; 6 to 12 is a plateau."""
    max_interest_distance: float = 0.95
    """Mean cosine distance, after whitening, up to which two groups of papers are one interest. With 0.9 there are half
    as many interests again, and with 1.0 a third as many, which no longer separate fields."""
    exact_rows: int = 10_000
    """Papers up to which all that match the filter are compared with the library."""
    nearest_papers: int = 8_000
    """Papers that are compared with the library if more match: the nearest to the interests, in equal parts."""
    min_nearest: int = 100
    """Papers of each interest among them, at least."""
    reranked_papers: int = 1_000
    """Candidates whose words are compared; 2,000 gain .01 in nDCG@100 and take twice as long."""
    words_weight: float = 2.0
    """Weight of the words relative to the density; 1.5 to 3 is a plateau."""
    svm_cost: float = 0.3
    """Cost C of the support vector machine; 0.1 to 1 is a plateau."""


RECOMMENDATION_TUNING = RecommendationTuning()
