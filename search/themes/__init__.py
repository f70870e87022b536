"""Themes: groups the relevant papers of an answer, and labels each group with a phrase of its papers."""
