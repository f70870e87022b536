"""Words: which candidates use the words of a library rather than those of the other candidates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.language.stop_words import STOP_WORDS

_SEED = 0
"""Seed of the solver, so that equal input has equal scores."""
_TOLERANCE = 1e-3
"""Tolerance of the solver; with a smaller one, the rankings are the same and take longer."""
_MIN_PAPERS = 2
"""Papers that have to contain a word or pair of words for it to count."""


def score_words(library: Sequence[str], candidates: Sequence[str], cost: float) -> NDArray[np.float32]:
    """Returns the score of each candidate, (len(candidates),) float32; zeros if the texts share no words.

    A linear support vector machine separates the library from the candidates by tf-idf of words and pairs of words.
    arxiv-sanity (Karpathy, github.com/karpathy/arxiv-sanity-lite) separates it from all papers instead. The nearest
    candidates are the harder examples: they have the words of the field, so those that tell the library apart remain.
    A candidate that the user would add is a wrong negative example, but one of a thousand has little influence.

    Args:
        library: texts of the papers of the library.
        candidates: texts of the candidates.
        cost: penalty of an error, C, divided between both classes equally.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # imported here: it takes as long as a search
    from sklearn.svm import LinearSVC

    vectorizer = TfidfVectorizer(
        stop_words=sorted(STOP_WORDS),
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=_MIN_PAPERS,
        dtype=np.float32,
    )
    try:
        features = vectorizer.fit_transform([*library, *candidates])
    except ValueError:  # "empty vocabulary" and "no terms remain": no word occurs twice
        return np.zeros(len(candidates), np.float32)
    is_library = np.arange(len(library) + len(candidates)) < len(library)
    machine = LinearSVC(C=cost, class_weight="balanced", tol=_TOLERANCE, max_iter=10_000, random_state=_SEED)
    machine.fit(features, is_library)
    return np.asarray(machine.decision_function(features[len(library) :]), np.float32)
