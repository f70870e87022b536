"""The vocabulary and the read path: everything that answers a question, nothing that writes an index."""
