"""The query language: from the text in the search box to a condition and the text to rank by."""
