"""Kinds of queries and splits of papers; the arrays of ``training.prepare`` store their positions."""

QUESTION_KINDS = ("q1", "c", "q2", "q3")
"""Queries written for single papers: a colloquial question, a colloquial statement of a need, a short search phrase,
and a finding."""
SUMMARY_KINDS = ("summary", "motivation", "method", "result", "keywords")
"""Queries from summaries."""
KINDS = (*SUMMARY_KINDS, "title", "abstract", *QUESTION_KINDS)
"""All kinds; ``title`` and ``abstract`` come from the paper itself."""
SPLITS = ("train", "valid", "test", "fusion")
"""``valid`` selects models, ``test`` is reported, and ``fusion`` is for fitting what uses the vectors."""
