"""Moving: the papers of an index with their vectors, exported from one backend and imported into another."""
