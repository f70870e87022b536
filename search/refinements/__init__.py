"""Refinements: queries that a page offers, one module per kind."""
