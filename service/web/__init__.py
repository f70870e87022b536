"""The page: the same questions as every other door's, in a browser; it works without JavaScript."""
