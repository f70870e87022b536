"""Papers: their fields, identifiers, names and categories."""
