"""Trends: how many papers on a question there are per month or year."""
