"""The number of a value that a row lacks."""

NO_ID = 2**32 - 1
"""The id of the first or last value of a row that has none."""
