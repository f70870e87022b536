"""Evaluation: retrieval sets, runs over them, and the comparison of runs."""
