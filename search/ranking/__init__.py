"""Ranking: the two legs, their fusion, and the page of hits."""
