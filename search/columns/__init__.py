"""Filter columns: the dates, categories, authors and sources of every row, as arrays and posting lists."""
