"""Evaluation: retrieval sets, runs and their comparison."""
