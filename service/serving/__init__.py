"""The processes that serve: a parent that listens, and workers that answer."""
