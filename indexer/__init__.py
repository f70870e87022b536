"""Imports papers: readers of file formats, identity of papers, and building of generations."""
