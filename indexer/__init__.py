"""The write path: sources of papers, their identity, and the building of generations."""
