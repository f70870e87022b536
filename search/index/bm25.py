"""BM25 in numbers: the constants, the lengths of papers as one byte each, and the scores of all occurrences.

The score of a term in a paper is ``idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))`` (Robertson
and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009). A posting has ``tf`` and the length as
one code of two bytes, so the factor after ``idf`` is looked up in a table of all codes.
"""

from math import log

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
"""Term frequency saturation, as in Lucene and tantivy."""
B = 0.75
"""Share of the length normalization, as in Lucene and tantivy."""
_MAX_TF = 255
"""The highest term frequency of a code. More occurrences raise BM25 by 4% at most in a paper ten times as long as the
mean, and that of longer ones by more, which lowers the rank of abstracts that only repeat a word."""


def _distinct_lengths() -> NDArray[np.int64]:
    """Returns the lengths that a byte distinguishes, exact up to 40, then in eight steps per doubling.

    Lucene and tantivy round lengths down to these (Lucene's ``SmallFloat.intToByte4``).
    """
    steps = np.repeat(1 << np.arange(1, 28), 8)
    return np.concatenate((np.arange(41), 40 + np.cumsum(steps)))[:256]


LENGTHS = _distinct_lengths()
"""(256,) int64, ascending: the length that each byte stands for."""


def encode(term_frequencies: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Returns the codes of postings, (n,) uint16.

    Args:
        term_frequencies: (n,) how often the paper has the term, from 1.
        lengths: (n,) how many terms the paper has.
    """
    length_bytes = np.searchsorted(LENGTHS, lengths, side="right") - 1
    return (np.minimum(term_frequencies, _MAX_TF) << 8 | length_bytes).astype(np.uint16)


def score_table(mean_length: float) -> NDArray[np.float32]:
    """Returns the factor after ``idf`` for each code, (65536,) float32.

    Args:
        mean_length: mean number of terms of the papers; 0 if they have none.
    """
    norms = K1 * (1 - B + B * LENGTHS / (mean_length or 1.0))
    frequencies = np.arange(_MAX_TF + 1)[:, None]
    return (frequencies * (K1 + 1) / (frequencies + norms)).astype(np.float32).ravel()


def idf(doc_freq: int, papers: int) -> float:
    """Returns the inverse document frequency of a term.

    Args:
        doc_freq: papers with the term.
        papers: all papers.
    """
    return log(1 + (papers - min(doc_freq, papers) + 0.5) / (doc_freq + 0.5))
