"""Trends: how many relevant papers there are per month or year."""
