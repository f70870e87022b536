"""The query language: parses the text of the search box into a condition and a text to rank by."""
